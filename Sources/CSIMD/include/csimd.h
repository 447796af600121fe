// The few facts and instructions that Swift's SIMD types cannot spell. Header only, so that everything inlines
// into Swift under the CPU flags of the importing module.
#ifndef CSIMD_H
#define CSIMD_H

#include <unistd.h>

// Whether a fused multiply-add is one instruction. Elsewhere `SIMD.addingProduct` would call libm's fmaf for every
// lane, so the kernels multiply and add instead. A function, because Swift would call a constant's other branch dead.
static inline __attribute__((always_inline)) int csimd_has_fma(void) {
#if defined(__FMA__) || defined(__aarch64__)
  return 1;
#else
  return 0;
#endif
}

// Whether there are 32 vector registers of 16 float32 each.
static inline __attribute__((always_inline)) int csimd_has_avx512(void) {
#if defined(__AVX512F__)
  return 1;
#else
  return 0;
#endif
}

// The ways of the first-level data cache, 0 where that is not known. On most CPUs a way is 4 KiB: of lines a multiple of
// that apart the cache holds no more than it has ways.
static inline long csimd_l1_ways(void) {
#if defined(_SC_LEVEL1_DCACHE_ASSOC)
  const long ways = sysconf(_SC_LEVEL1_DCACHE_ASSOC);
  return ways > 0 ? ways : 0;
#else
  return 0;
#endif
}

// Eight float32 without alignment demands; clang lowers it to what the target has.
typedef float csimd_float8 __attribute__((ext_vector_type(8), aligned(4), may_alias));

typedef float csimd_vector8 __attribute__((ext_vector_type(8)));

/// The square root of each lane, in one instruction where there is one; Swift's own takes lane by lane.
static inline __attribute__((always_inline)) csimd_vector8 csimd_square_root(csimd_vector8 x) {
  return __builtin_elementwise_sqrt(x);
}

/// `a * b + c` lane by lane: one rounding where the CPU has the instruction, two where it has not. In C, since a
/// choice in Swift is one of its inliner's branches, and functions with many of those it leaves calls.
static inline __attribute__((always_inline)) csimd_vector8 csimd_multiply_add(csimd_vector8 a, csimd_vector8 b,
                                                                              csimd_vector8 c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/// The nearest whole number of each lane, of two equally near the even one.
static inline __attribute__((always_inline)) csimd_vector8 csimd_round_half_even(csimd_vector8 x) {
  return __builtin_elementwise_roundeven(x);
}

/// Writes the transpose of the 8x8 block at `from` to `to`, of which the first `rows` (1 to 8) are there and the others
/// zeros; strides in values.
static inline __attribute__((always_inline)) void csimd_transpose_rows8x8(const float *from, long from_stride, long rows,
                                                                          float *to, long to_stride) {
  typedef float v8 __attribute__((ext_vector_type(8)));
#define CSIMD_ROW(i) v8 r##i = (i) < rows ? *(const csimd_float8 *)(from + (i) * from_stride) : (v8)(0.0f)
  CSIMD_ROW(0); CSIMD_ROW(1); CSIMD_ROW(2); CSIMD_ROW(3); CSIMD_ROW(4); CSIMD_ROW(5); CSIMD_ROW(6); CSIMD_ROW(7);
#undef CSIMD_ROW
#define CSIMD_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define CSIMD_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
  v8 s0 = CSIMD_LOW(r0, r1), s1 = CSIMD_HIGH(r0, r1), s2 = CSIMD_LOW(r2, r3), s3 = CSIMD_HIGH(r2, r3);
  v8 s4 = CSIMD_LOW(r4, r5), s5 = CSIMD_HIGH(r4, r5), s6 = CSIMD_LOW(r6, r7), s7 = CSIMD_HIGH(r6, r7);
#undef CSIMD_LOW
#undef CSIMD_HIGH
#define CSIMD_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define CSIMD_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
  v8 t0 = CSIMD_LOW(s0, s2), t1 = CSIMD_HIGH(s0, s2), t2 = CSIMD_LOW(s1, s3), t3 = CSIMD_HIGH(s1, s3);
  v8 t4 = CSIMD_LOW(s4, s6), t5 = CSIMD_HIGH(s4, s6), t6 = CSIMD_LOW(s5, s7), t7 = CSIMD_HIGH(s5, s7);
#undef CSIMD_LOW
#undef CSIMD_HIGH
#define CSIMD_JOIN(i, a, b, ...) *(csimd_float8 *)(to + (i) * to_stride) = __builtin_shufflevector(a, b, __VA_ARGS__)
  CSIMD_JOIN(0, t0, t4, 0, 1, 2, 3, 8, 9, 10, 11);
  CSIMD_JOIN(1, t1, t5, 0, 1, 2, 3, 8, 9, 10, 11);
  CSIMD_JOIN(2, t2, t6, 0, 1, 2, 3, 8, 9, 10, 11);
  CSIMD_JOIN(3, t3, t7, 0, 1, 2, 3, 8, 9, 10, 11);
  CSIMD_JOIN(4, t0, t4, 4, 5, 6, 7, 12, 13, 14, 15);
  CSIMD_JOIN(5, t1, t5, 4, 5, 6, 7, 12, 13, 14, 15);
  CSIMD_JOIN(6, t2, t6, 4, 5, 6, 7, 12, 13, 14, 15);
  CSIMD_JOIN(7, t3, t7, 4, 5, 6, 7, 12, 13, 14, 15);
#undef CSIMD_JOIN
}

/// The same of eight rows that are all there.
static inline __attribute__((always_inline)) void csimd_transpose8x8(const float *from, long from_stride, float *to,
                                                                     long to_stride) {
  csimd_transpose_rows8x8(from, from_stride, 8, to, to_stride);
}

/// Fetches the cache line at `address`, which need not be mapped, into the first-level cache.
static inline __attribute__((always_inline)) void csimd_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// The same for a line that is going to be written.
static inline __attribute__((always_inline)) void csimd_prefetch_for_writing(const void *address) {
  __builtin_prefetch(address, 1, 3);
}

/// Tells the core that a thread spins, so that it spends less on it.
static inline __attribute__((always_inline)) void csimd_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
