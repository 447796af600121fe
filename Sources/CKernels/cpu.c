// What the CPU at hand has, and what the system lets this process use of it.
#include "ckernels.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

int ckernels_has_avx2(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}

int ckernels_has_avx512vnni(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
  return 0;
#endif
}

// Linux grants the tiles, whose state is large, to a process that asks for them: threads begun later have them too.
int ckernels_has_amx(void) {
#if defined(__x86_64__) && defined(__linux__)
  const long request_permission = 0x1023, tile_data = 18;
  const unsigned tile_bit = 1u << 24, int8_bit = 1u << 25;
  unsigned a, b, c, d;
  if (!ckernels_has_avx512vnni() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if ((d & tile_bit) == 0 || (d & int8_bit) == 0) return 0;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return 0;
#endif
}

int ckernels_has_neon(void) {
#if defined(__aarch64__) && defined(__linux__)
  const unsigned long dot_product = 1ul << 20;
  return (getauxval(AT_HWCAP) & dot_product) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  return 1;
#else
  return 0;
#endif
}
