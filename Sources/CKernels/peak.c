// Loops of nothing but a kernel's own instructions, in registers: as fast as the CPU multiplies whole numbers.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Rounds of a loop; each returns the multiplications and additions that it did.
#define ROUNDS 100000

__attribute__((target("avx2"))) double ckernels_peak_avx2(void) {
  __m256i sums[12];
  __m256i levels = _mm256_set1_epi8(1);
  for (int i = 0; i < 12; i++) sums[i] = _mm256_setzero_si256();
  for (long round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) {
      // Or the product would be computed once.
      __asm__ volatile("" : "+x"(levels));
      sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(levels, levels));
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+x"(sums[i]));
  }
  return 2.0 * 32 * 12 * ROUNDS;
}

__attribute__((target("avx512f,avx512vnni"))) double ckernels_peak_avx512vnni(void) {
  __m512i sums[24];
  const __m512i levels = _mm512_set1_epi8(1);
  for (int i = 0; i < 24; i++) sums[i] = _mm512_setzero_si512();
  for (long round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 24; i++) {
      sums[i] = _mm512_dpbusd_epi32(sums[i], levels, levels);
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return 2.0 * 64 * 24 * ROUNDS;
}

__attribute__((target("amx-tile,amx-int8"))) double ckernels_peak_amx(void) {
  static const struct {
    uint8_t palette, first_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shapes = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  _tile_loadconfig(&shapes);
  for (long round = 0; round < ROUNDS; round++) {
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 5, 6);
    _tile_dpbsud(2, 4, 7);
    _tile_dpbsud(3, 5, 7);
  }
  _tile_release();
  return 2.0 * 16 * 16 * 64 * 4 * ROUNDS;
}
#endif
