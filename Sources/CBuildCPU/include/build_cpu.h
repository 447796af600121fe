// The CPU that the program is compiled for. This target alone of the C ones has the flags of the Swift code, and it holds
// data only: whether a CPU has what is needed must be found out by code that runs on all of them.
#ifndef BUILD_CPU_H
#define BUILD_CPU_H

// A bit for each feature, at its place in BUILD_CPU_FEATURES.
extern const unsigned long long build_cpu_features;

// FEATURE(the compiler's macro, the name for people): what compilers use by themselves, and what CSIMD uses.
#define BUILD_CPU_FEATURES(FEATURE) \
  FEATURE(SSE3, "SSE3") \
  FEATURE(SSSE3, "SSSE3") \
  FEATURE(SSE4_1, "SSE4.1") \
  FEATURE(SSE4_2, "SSE4.2") \
  FEATURE(POPCNT, "POPCNT") \
  FEATURE(MOVBE, "MOVBE") \
  FEATURE(LZCNT, "LZCNT") \
  FEATURE(BMI, "BMI1") \
  FEATURE(BMI2, "BMI2") \
  FEATURE(AVX, "AVX") \
  FEATURE(F16C, "F16C") \
  FEATURE(FMA, "FMA") \
  FEATURE(AVX2, "AVX2") \
  FEATURE(AVXVNNI, "AVX-VNNI") \
  FEATURE(AVX512F, "AVX-512F") \
  FEATURE(AVX512CD, "AVX-512CD") \
  FEATURE(AVX512DQ, "AVX-512DQ") \
  FEATURE(AVX512BW, "AVX-512BW") \
  FEATURE(AVX512VL, "AVX-512VL") \
  FEATURE(AVX512IFMA, "AVX-512IFMA") \
  FEATURE(AVX512VBMI, "AVX-512VBMI") \
  FEATURE(AVX512VBMI2, "AVX-512VBMI2") \
  FEATURE(AVX512VNNI, "AVX-512VNNI") \
  FEATURE(AVX512BITALG, "AVX-512BITALG") \
  FEATURE(AVX512VPOPCNTDQ, "AVX-512VPOPCNTDQ") \
  FEATURE(AVX512BF16, "AVX-512BF16") \
  FEATURE(AVX512FP16, "AVX-512FP16") \
  FEATURE(GFNI, "GFNI")

enum {
#define FEATURE(macro, name) BUILD_CPU_##macro,
  BUILD_CPU_FEATURES(FEATURE)
#undef FEATURE
  BUILD_CPU_FEATURE_COUNT
};

#endif
