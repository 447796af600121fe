// The few facts and instructions that Swift's SIMD types cannot spell. Header only, so that everything inlines
// into Swift under the CPU flags of the importing module.
#ifndef CSIMD_H
#define CSIMD_H

#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

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

typedef signed char csimd_bytes16 __attribute__((ext_vector_type(16)));
typedef float csimd_vector16 __attribute__((ext_vector_type(16)));

/// Sixteen bytes as float32. Swift's own conversion of vectors goes lane by lane.
static inline __attribute__((always_inline)) csimd_vector16 csimd_load_bytes(const signed char *from) {
  csimd_bytes16 bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, csimd_vector16);
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

/// Whether the CPU at hand has instructions for SHA-256. Asked at run time: a build for older CPUs uses them too.
static inline int csimd_has_sha256(void) {
#if defined(__x86_64__)
  unsigned int a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
#else
  return 0;
#endif
}

#if defined(__x86_64__)
/// Takes `count` blocks of 64 bytes into a SHA-256 state, whose eight words are a to h of FIPS 180-4; `k` are its 64
/// constants. Only where `csimd_has_sha256` says so.
__attribute__((target("sha,sse4.1,ssse3"))) static inline void csimd_sha256(unsigned int *state, const unsigned int *k,
                                                                            const unsigned char *blocks, long count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  // The instructions want the words as (a, b, e, f) and (c, d, g, h), the first in the highest lane.
  const __m128i dcba = _mm_loadu_si128((const __m128i *)state);
  const __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; count > 0; count--, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16 * i)), big_endian);
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      __m128i now = w[i & 3];
      if (i >= 4) {
        // W[t] = sigma1(W[t-2]) + W[t-7] + sigma0(W[t-15]) + W[t-16], four at a time.
        const __m128i last = w[(i + 3) & 3];
        now = _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(i + 1) & 3]), _mm_alignr_epi8(last, w[(i + 2) & 3], 4));
        w[i & 3] = now = _mm_sha256msg2_epu32(now, last);
      }
      const __m128i sum = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(k + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#else
static inline void csimd_sha256(unsigned int *state, const unsigned int *k, const unsigned char *blocks, long count) {}
#endif

/// Tells the core that a thread spins, so that it spends less on it.
static inline __attribute__((always_inline)) void csimd_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
