//! A natural logarithm that gives the same bits on every machine.
//!
//! What a platform's library returns may differ in the last bit. Java prescribes fdlibm for
//! `StrictMath`, and recorded noise can be replayed only with that very one, so its method is followed
//! here: x = 2ᵏ·(1 + f) with 1 + f around 1, then an odd polynomial in s = f / (2 + f).

#![expect(
    clippy::excessive_precision,
    reason = "coefficients keep the digits they are published with"
)]

const LN2_HIGH: f64 = 6.93147180369123816490e-01;
const LN2_LOW: f64 = 1.90821492927058770002e-10;
/// Coefficients of the polynomial in z = s², lowest degree first.
const POLYNOMIAL: [f64; 7] = [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
];

/// Natural logarithm: −∞ at zero, NaN below, as usual.
pub(crate) fn ln(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return x;
    }
    let (x, scaled) = if x < f64::MIN_POSITIVE {
        (x * (1_u64 << 54) as f64, -54)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let high = (bits >> 32) as i32;
    let fraction = high & 0x000f_ffff;
    // 1 + f lies between √½ and √2, so large fractions borrow one power of two.
    let borrow = (fraction + 0x9_5f64) & 0x10_0000;
    let k = scaled + (high >> 20) - 1023 + (borrow >> 20);
    let reduced = ((fraction | (borrow ^ 0x3ff0_0000)) as u64) << 32 | (bits & 0xffff_ffff);
    let f = f64::from_bits(reduced) - 1.0;
    let dk = f64::from(k);

    if 0x000f_ffff & (2 + fraction) < 3 {
        // |f| < 2⁻²⁰: two terms of the series are enough.
        if f == 0.0 {
            return if k == 0 {
                0.0
            } else {
                dk * LN2_HIGH + dk * LN2_LOW
            };
        }
        let r = f * f * (0.5 - 0.33333333333333333 * f);
        return if k == 0 {
            f - r
        } else {
            dk * LN2_HIGH - ((r - dk * LN2_LOW) - f)
        };
    }

    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let [p1, p2, p3, p4, p5, p6, p7] = POLYNOMIAL;
    let even = w * (p2 + w * (p4 + w * p6));
    let odd = z * (p1 + w * (p3 + w * (p5 + w * p7)));
    let r = odd + even;
    if (fraction - 0x6_147a) | (0x6_b851 - fraction) > 0 {
        let half_square = 0.5 * f * f;
        if k == 0 {
            f - (half_square - s * (half_square + r))
        } else {
            dk * LN2_HIGH - ((half_square - (s * (half_square + r) + dk * LN2_LOW)) - f)
        }
    } else if k == 0 {
        f - s * (f - r)
    } else {
        dk * LN2_HIGH - ((s * (f - r) - dk * LN2_LOW) - f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_platform_within_one_unit_in_the_last_place() {
        let mut x = 1e-310;
        while x < 1e300 {
            let (ours, theirs) = (ln(x), x.ln());
            let ulps = (ours.to_bits() as i64 - theirs.to_bits() as i64).abs();
            assert!(ulps <= 1, "ln({x}) = {ours} against {theirs}");
            x *= 1.0371;
        }
        for x in [1.0, 1.0 + 1e-7, 1.0 - 1e-7, 2.0, 0.5, std::f64::consts::E] {
            assert!((ln(x) - x.ln()).abs() <= f64::EPSILON);
        }
    }

    #[test]
    fn the_ends() {
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
    }
}
