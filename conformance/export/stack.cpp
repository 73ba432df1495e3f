// What Setup and Invoke of an export take of the stack below main: filled with a pattern before,
// looked through after. NAME: the export's name.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#include TEXT(NAME.h)
#include TEXT(JOIN(NAME, _golden.h))

extern "C" volatile uint32_t stack_room[];

namespace {
constexpr uint32_t kPattern = 0xA5C35A3C;

uintptr_t Pointer() {
  uintptr_t now;
  __asm volatile("mov %0, sp" : "=r"(now));
  return now;
}

__attribute__((noinline)) void Fill(uintptr_t top) {
  for (volatile uint32_t* word = stack_room; reinterpret_cast<uintptr_t>(word) < top; ++word)
    *word = kPattern;
}

__attribute__((noinline)) unsigned Deepest(uintptr_t top) {
  volatile uint32_t* word = stack_room;
  while (reinterpret_cast<uintptr_t>(word) < top && *word == kPattern) ++word;
  return static_cast<unsigned>(top - reinterpret_cast<uintptr_t>(word));
}
}  // namespace

int main() {
  const uintptr_t top = Pointer();
  Fill(top - 64);
  bool good = NAME::Setup();
  const unsigned setup = Deepest(top);
  unsigned invoke = 0;
  for (int sample = 0; good && sample < NAME::kGoldenSamples; ++sample) {
#ifdef HAS_INPUT
    memcpy(NAME::Input0(), NAME::kGoldenInput0[sample], sizeof(NAME::kGoldenInput0[sample]));
#endif
    Fill(top - 64);
    good = NAME::Invoke();
    const unsigned deep = Deepest(top);
    if (deep > invoke) invoke = deep;
  }
  printf("stack: setup %u, invoke %u\n", setup, invoke);
  return good ? 0 : 1;
}
