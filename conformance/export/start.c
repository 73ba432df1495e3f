// Start of a program on an emulated Cortex-M board: floating point on, variables set, main, end.
#include <stdint.h>

extern uint32_t stack_top, bss_begin, bss_end;
int main(void);
void __libc_init_array(void);
void initialise_monitor_handles(void);
void exit(int);

static void Fault(void) { exit(99); }

void Reset_Handler(void) {
  *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20;  // CPACR: coprocessors 10 and 11
  __asm volatile("dsb\n isb");
  for (uint32_t* word = &bss_begin; word < &bss_end; ++word) *word = 0;
  initialise_monitor_handles();
  __libc_init_array();
  exit(main());
}

__attribute__((section(".vectors"), used)) static void* const vectors[16] = {
    &stack_top, Reset_Handler, Fault, Fault, Fault, Fault, Fault};

void _init(void) {}
void _fini(void) {}
void* __dso_handle;
