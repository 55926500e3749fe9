//! Vector registers: AES leaves round keys in them, and a core dump contains them.

/// Overwrites every register that AES may have used.
///
/// Never inlined: `clobber_abi` declares only the registers that the enclosing function may use, and a caller
/// compiled for AVX-512 may also use zmm16 to zmm31. No register that is overwritten here keeps its value
/// across a call, except xmm6 to xmm15 on Windows, which the compiler saves and restores.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
pub(in crate::memory) fn scrub() {
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor and the system have these registers. The compiler is told about every
        // register that it could have used; neither memory nor the stack changes.
        unsafe {
            std::arch::asm!(
                "vzeroall",
                "vpxorq zmm16, zmm16, zmm16",
                "vpxorq zmm17, zmm17, zmm17",
                "vpxorq zmm18, zmm18, zmm18",
                "vpxorq zmm19, zmm19, zmm19",
                "vpxorq zmm20, zmm20, zmm20",
                "vpxorq zmm21, zmm21, zmm21",
                "vpxorq zmm22, zmm22, zmm22",
                "vpxorq zmm23, zmm23, zmm23",
                "vpxorq zmm24, zmm24, zmm24",
                "vpxorq zmm25, zmm25, zmm25",
                "vpxorq zmm26, zmm26, zmm26",
                "vpxorq zmm27, zmm27, zmm27",
                "vpxorq zmm28, zmm28, zmm28",
                "vpxorq zmm29, zmm29, zmm29",
                "vpxorq zmm30, zmm30, zmm30",
                "vpxorq zmm31, zmm31, zmm31",
                clobber_abi("sysv64"),
                options(nomem, nostack),
            );
        }
    } else if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: as above.
        unsafe { std::arch::asm!("vzeroall", clobber_abi("sysv64"), options(nomem, nostack)) };
    } else {
        // SAFETY: as above; every x86-64 processor has SSE2.
        unsafe {
            std::arch::asm!(
                "pxor xmm0, xmm0",
                "pxor xmm1, xmm1",
                "pxor xmm2, xmm2",
                "pxor xmm3, xmm3",
                "pxor xmm4, xmm4",
                "pxor xmm5, xmm5",
                "pxor xmm6, xmm6",
                "pxor xmm7, xmm7",
                "pxor xmm8, xmm8",
                "pxor xmm9, xmm9",
                "pxor xmm10, xmm10",
                "pxor xmm11, xmm11",
                "pxor xmm12, xmm12",
                "pxor xmm13, xmm13",
                "pxor xmm14, xmm14",
                "pxor xmm15, xmm15",
                clobber_abi("sysv64"),
                options(nomem, nostack),
            );
        }
    }
}

/// Does nothing: on other processors the registers keep their values until other code overwrites them.
#[cfg(not(target_arch = "x86_64"))]
pub(in crate::memory) fn scrub() {}
