#include "build_cpu.h"

const unsigned long long build_cpu_features =
#ifdef __SSE3__
    1ull << BUILD_CPU_SSE3 |
#endif
#ifdef __SSSE3__
    1ull << BUILD_CPU_SSSE3 |
#endif
#ifdef __SSE4_1__
    1ull << BUILD_CPU_SSE4_1 |
#endif
#ifdef __SSE4_2__
    1ull << BUILD_CPU_SSE4_2 |
#endif
#ifdef __POPCNT__
    1ull << BUILD_CPU_POPCNT |
#endif
#ifdef __MOVBE__
    1ull << BUILD_CPU_MOVBE |
#endif
#ifdef __LZCNT__
    1ull << BUILD_CPU_LZCNT |
#endif
#ifdef __BMI__
    1ull << BUILD_CPU_BMI |
#endif
#ifdef __BMI2__
    1ull << BUILD_CPU_BMI2 |
#endif
#ifdef __AVX__
    1ull << BUILD_CPU_AVX |
#endif
#ifdef __F16C__
    1ull << BUILD_CPU_F16C |
#endif
#ifdef __FMA__
    1ull << BUILD_CPU_FMA |
#endif
#ifdef __AVX2__
    1ull << BUILD_CPU_AVX2 |
#endif
#ifdef __AVXVNNI__
    1ull << BUILD_CPU_AVXVNNI |
#endif
#ifdef __AVX512F__
    1ull << BUILD_CPU_AVX512F |
#endif
#ifdef __AVX512CD__
    1ull << BUILD_CPU_AVX512CD |
#endif
#ifdef __AVX512DQ__
    1ull << BUILD_CPU_AVX512DQ |
#endif
#ifdef __AVX512BW__
    1ull << BUILD_CPU_AVX512BW |
#endif
#ifdef __AVX512VL__
    1ull << BUILD_CPU_AVX512VL |
#endif
#ifdef __AVX512IFMA__
    1ull << BUILD_CPU_AVX512IFMA |
#endif
#ifdef __AVX512VBMI__
    1ull << BUILD_CPU_AVX512VBMI |
#endif
#ifdef __AVX512VBMI2__
    1ull << BUILD_CPU_AVX512VBMI2 |
#endif
#ifdef __AVX512VNNI__
    1ull << BUILD_CPU_AVX512VNNI |
#endif
#ifdef __AVX512BITALG__
    1ull << BUILD_CPU_AVX512BITALG |
#endif
#ifdef __AVX512VPOPCNTDQ__
    1ull << BUILD_CPU_AVX512VPOPCNTDQ |
#endif
#ifdef __AVX512BF16__
    1ull << BUILD_CPU_AVX512BF16 |
#endif
#ifdef __AVX512FP16__
    1ull << BUILD_CPU_AVX512FP16 |
#endif
#ifdef __GFNI__
    1ull << BUILD_CPU_GFNI |
#endif
    0;
