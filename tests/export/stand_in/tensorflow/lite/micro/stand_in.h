// What exported sources use of TFLM's public interface, so that they can be compiled and their
// golden test be run without it. The model's arithmetic is the test's own: stand_in::Compute.
#ifndef STAND_IN_H_
#define STAND_IN_H_

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType {
  kTfLiteFloat32,
  kTfLiteInt32,
  kTfLiteUInt8,
  kTfLiteInt64,
  kTfLiteBool,
  kTfLiteInt16,
  kTfLiteInt8,
  kTfLiteUInt32,
  kTfLiteUInt16,
};
struct TfLiteTensor {
  TfLiteType type;
  size_t bytes;
  union {
    void* data;
  } data;
};

#define TFLITE_SCHEMA_VERSION 3
#define MicroPrintf(...) (printf(__VA_ARGS__), printf("\n"))

namespace stand_in {
struct Side {
  int count;
  TfLiteTensor* tensors;
};
Side Inputs();
Side Outputs();
bool Compute();
void Registered(const char* method);
void Variables(int count);
extern size_t needed;
}  // namespace stand_in

namespace tflite {
struct Model {
  int version() const { return TFLITE_SCHEMA_VERSION; }
};
inline const Model* GetModel(const void* bytes) {
  static Model model;
  return bytes != nullptr ? &model : nullptr;
}
inline void InitializeTarget() {}

struct MicroAllocator {
  static MicroAllocator* Create(uint8_t* arena, size_t) {
    static MicroAllocator one;
    return arena != nullptr ? &one : nullptr;
  }
};
struct MicroResourceVariables {
  static MicroResourceVariables* Create(MicroAllocator* allocator, int count) {
    static MicroResourceVariables one;
    stand_in::Variables(count);
    return allocator != nullptr ? &one : nullptr;
  }
};

template <unsigned int N>
struct MicroMutableOpResolver {
  unsigned int used = 0;
  TfLiteStatus Add(const char* method) {
    stand_in::Registered(method);
    return used++ < N ? kTfLiteOk : kTfLiteError;
  }
#define METHOD(name) \
  TfLiteStatus name() { return Add(#name); }
#include "methods.inc"
#undef METHOD
};

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model*, const Resolver&, uint8_t* arena, size_t size)
      : fits_(size >= stand_in::needed && reinterpret_cast<uintptr_t>(arena) % 16 == 0) {}
  template <typename Resolver>
  MicroInterpreter(const Model*, const Resolver&, MicroAllocator*, MicroResourceVariables*)
      : fits_(true) {}
  TfLiteStatus AllocateTensors() { return fits_ ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus Invoke() { return stand_in::Compute() ? kTfLiteOk : kTfLiteError; }
  TfLiteTensor* input(size_t i) { return &stand_in::Inputs().tensors[i]; }
  TfLiteTensor* output(size_t i) { return &stand_in::Outputs().tensors[i]; }
  size_t arena_used_bytes() const { return stand_in::needed; }

 private:
  bool fits_;
};
}  // namespace tflite

#endif  // STAND_IN_H_
