// Whether this CPU has what the program was compiled for. Compiled for every CPU of the architecture.
#include "csystem.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "build_cpu.h"

#ifdef __x86_64__
#include <cpuid.h>

// Where CPUID tells of a feature, and what else the system must have switched on: state of registers in XCR0.
struct place {
  unsigned leaf, subleaf;
  enum { EAX, EBX, ECX, EDX } word;
  unsigned bit;
  unsigned long long state;
};

enum { NO_STATE = 0, YMM = 0x06, ZMM = 0xE6 };

static const struct place places[BUILD_CPU_FEATURE_COUNT] = {
    [BUILD_CPU_SSE3] = {1, 0, ECX, 0, NO_STATE},
    [BUILD_CPU_SSSE3] = {1, 0, ECX, 9, NO_STATE},
    [BUILD_CPU_SSE4_1] = {1, 0, ECX, 19, NO_STATE},
    [BUILD_CPU_SSE4_2] = {1, 0, ECX, 20, NO_STATE},
    [BUILD_CPU_POPCNT] = {1, 0, ECX, 23, NO_STATE},
    [BUILD_CPU_MOVBE] = {1, 0, ECX, 22, NO_STATE},
    [BUILD_CPU_LZCNT] = {0x80000001, 0, ECX, 5, NO_STATE},
    [BUILD_CPU_BMI] = {7, 0, EBX, 3, NO_STATE},
    [BUILD_CPU_BMI2] = {7, 0, EBX, 8, NO_STATE},
    [BUILD_CPU_AVX] = {1, 0, ECX, 28, YMM},
    [BUILD_CPU_F16C] = {1, 0, ECX, 29, YMM},
    [BUILD_CPU_FMA] = {1, 0, ECX, 12, YMM},
    [BUILD_CPU_AVX2] = {7, 0, EBX, 5, YMM},
    [BUILD_CPU_AVXVNNI] = {7, 1, EAX, 4, YMM},
    [BUILD_CPU_AVX512F] = {7, 0, EBX, 16, ZMM},
    [BUILD_CPU_AVX512CD] = {7, 0, EBX, 28, ZMM},
    [BUILD_CPU_AVX512DQ] = {7, 0, EBX, 17, ZMM},
    [BUILD_CPU_AVX512BW] = {7, 0, EBX, 30, ZMM},
    [BUILD_CPU_AVX512VL] = {7, 0, EBX, 31, ZMM},
    [BUILD_CPU_AVX512IFMA] = {7, 0, EBX, 21, ZMM},
    [BUILD_CPU_AVX512VBMI] = {7, 0, ECX, 1, ZMM},
    [BUILD_CPU_AVX512VBMI2] = {7, 0, ECX, 6, ZMM},
    [BUILD_CPU_AVX512VNNI] = {7, 0, ECX, 11, ZMM},
    [BUILD_CPU_AVX512BITALG] = {7, 0, ECX, 12, ZMM},
    [BUILD_CPU_AVX512VPOPCNTDQ] = {7, 0, ECX, 14, ZMM},
    [BUILD_CPU_AVX512BF16] = {7, 1, EAX, 5, ZMM},
    [BUILD_CPU_AVX512FP16] = {7, 0, EDX, 23, ZMM},
    [BUILD_CPU_GFNI] = {7, 0, ECX, 8, NO_STATE},
};

// The registers' state that the system saves when it switches threads.
static unsigned long long saved_state(void) {
  unsigned a, b, c, d;
  const unsigned osxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave)) return 0;
  __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (unsigned long long)d << 32 | a;
}

unsigned long long csystem_cpu_features(void) {
  unsigned long long found = 0;
  const unsigned long long state = saved_state();
  for (int feature = 0; feature < BUILD_CPU_FEATURE_COUNT; feature++) {
    const struct place *place = &places[feature];
    unsigned words[4] = {0, 0, 0, 0};
    if (!__get_cpuid_count(place->leaf, place->subleaf, &words[EAX], &words[EBX], &words[ECX], &words[EDX])) continue;
    if ((words[place->word] >> place->bit & 1) && (state & place->state) == place->state) found |= 1ull << feature;
  }
  return found;
}
#else
// Other CPUs are not asked: all that are met have what the default build uses.
unsigned long long csystem_cpu_features(void) { return ~0ull; }
#endif

unsigned long long csystem_needed_cpu_features(void) { return build_cpu_features; }

int csystem_describe_missing_cpu(unsigned long long needed, unsigned long long present, char *text, int size) {
  static const char *const names[] = {
#define FEATURE(macro, name) name,
      BUILD_CPU_FEATURES(FEATURE)
#undef FEATURE
  };
  char list[512] = "";
  int count = 0;
  for (int feature = 0; feature < BUILD_CPU_FEATURE_COUNT; feature++) {
    if (!((needed & ~present) >> feature & 1)) continue;
    if (count++) strcat(list, ", ");
    strcat(list, names[feature]);
  }
  if (count == 0) {
    text[0] = 0;
    return 0;
  }
  return snprintf(
      text, (size_t)size,
      "bitlab: this program was built for a CPU with %s, which this one lacks: build it with BITLAB_CPU=x86-64-v3 (for "
      "CPUs with AVX2 and FMA) or BITLAB_CPU=baseline (for all)\n",
      list);
}
