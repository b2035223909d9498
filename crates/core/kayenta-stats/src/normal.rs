//! The normal quantile of the reference: M. Giles, "Approximating the erfinv function", *GPU Computing
//! Gems* 2 (2010), double precision. Its coefficients are facts of the paper; a better quantile would
//! be a different one.

#![expect(
    clippy::excessive_precision,
    reason = "coefficients keep the digits they are published with"
)]

/// Degree 22, for w < 6.25 around 3.125, highest degree first.
const CENTRAL: [f64; 23] = [
    -3.6444120640178196996e-21,
    -1.685059138182016589e-19,
    1.2858480715256400167e-18,
    1.115787767802518096e-17,
    -1.333171662854620906e-16,
    2.0972767875968561637e-17,
    6.6376381343583238325e-15,
    -4.0545662729752068639e-14,
    -8.1519341976054721522e-14,
    2.6335093153082322977e-12,
    -1.2975133253453532498e-11,
    -5.4154120542946279317e-11,
    1.051212273321532285e-09,
    -4.1126339803469836976e-09,
    -2.9070369957882005086e-08,
    4.2347877827932403518e-07,
    -1.3654692000834678645e-06,
    -1.3882523362786468719e-05,
    0.0001867342080340571352,
    -0.00074070253416626697512,
    -0.0060336708714301490533,
    0.24015818242558961693,
    1.6536545626831027356,
];

/// Degree 18, for 6.25 ≤ w < 16 around √w = 3.25.
const MIDDLE: [f64; 19] = [
    2.2137376921775787049e-09,
    9.0756561938885390979e-08,
    -2.7517406297064545428e-07,
    1.8239629214389227755e-08,
    1.5027403968909827627e-06,
    -4.013867526981545969e-06,
    2.9234449089955446044e-06,
    1.2475304481671778723e-05,
    -4.7318229009055733981e-05,
    6.8284851459573175448e-05,
    2.4031110387097893999e-05,
    -0.0003550375203628474796,
    0.00095328937973738049703,
    -0.0016882755560235047313,
    0.0024914420961078508066,
    -0.0037512085075692412107,
    0.005370914553590063617,
    1.0052589676941592334,
    3.0838856104922207635,
];

/// Degree 16, for finite w ≥ 16 around √w = 5.
const TAIL: [f64; 17] = [
    -2.7109920616438573243e-11,
    -2.5556418169965252055e-10,
    1.5076572693500548083e-09,
    -3.7894654401267369937e-09,
    7.6157012080783393804e-09,
    -1.4960026627149240478e-08,
    2.9147953450901080826e-08,
    -6.7711997758452339498e-08,
    2.2900482228026654717e-07,
    -9.9298272942317002539e-07,
    4.5260625972231537039e-06,
    -1.9681778105531670567e-05,
    7.5995277030017761139e-05,
    -0.00021503011930044477347,
    -0.00013871931833623122026,
    1.0103004648645343977,
    4.8499064014085844221,
];

/// Inverse error function; ±∞ at ±1, NaN outside.
#[must_use]
pub fn inverse_erf(x: f64) -> f64 {
    // This product, not 1 − x², which loses the digits near ±1.
    let w = -((1.0 - x) * (1.0 + x)).ln();
    let polynomial = if w < 6.25 {
        horner(&CENTRAL, w - 3.125)
    } else if w < 16.0 {
        horner(&MIDDLE, w.sqrt() - 3.25)
    } else if w.is_infinite() {
        f64::INFINITY
    } else {
        horner(&TAIL, w.sqrt() - 5.0)
    };
    polynomial * x
}

fn horner(coefficients: &[f64], u: f64) -> f64 {
    coefficients
        .iter()
        .fold(0.0, |sum, &coefficient| coefficient + sum * u)
}

/// Quantile of the standard normal distribution at probability `p` in 0..=1.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    0.0 + std::f64::consts::SQRT_2 * inverse_erf(2.0 * p - 1.0)
}

/// The two-sided critical value of a confidence level, as a **negative** number: the quantile at half
/// of what the level leaves out. For 0.98 it is −2.326347874040841.
///
/// Bit for bit the reference's at the levels 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995 and 0.999; at others
/// the platform's logarithm may move the last bit.
///
/// The level's complement is formed by subtraction, so 0.98 leaves out 0.020000000000000018.
#[must_use]
pub fn critical_value(confidence: f64) -> f64 {
    let alpha = 1.0 - confidence;
    normal_quantile(alpha / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_equal_the_reference_bit_for_bit() {
        for (confidence, bits) in [
            (0.5, 0xbfe5956b87528a48_u64),
            (0.8, 0xbff4813c36e26d34),
            (0.9, 0xbffa515209676abf),
            (0.95, 0xbfff5c0331eeff84),
            (0.98, 0xc0029c5c4630ff0f),
            (0.99, 0xc0049b4c64d69160),
            (0.995, 0xc00674ce1ece6f29),
            (0.999, 0xc00a52ffadd2f8c1),
        ] {
            assert_eq!(critical_value(confidence).to_bits(), bits, "{confidence}");
        }
    }

    #[test]
    fn the_ends_are_infinite_and_the_middle_is_zero() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(normal_quantile(0.5), 0.0);
        assert!(normal_quantile(f64::NAN).is_nan());
        assert!(normal_quantile(1.5).is_nan());
    }
}
