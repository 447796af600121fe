// The few facts and instructions that Swift's SIMD types cannot spell. Header only, so that everything inlines
// into Swift under the CPU flags of the importing module.
#ifndef CSIMD_H
#define CSIMD_H

// 1 where a fused multiply-add is one instruction. Elsewhere `SIMD.addingProduct` would call libm's fmaf for
// every lane, so the kernels multiply and add instead.
#if defined(__FMA__) || defined(__aarch64__)
#define CSIMD_HAS_FMA 1
#else
#define CSIMD_HAS_FMA 0
#endif

#endif
