//! The normal quantile against an independent library.

use kayenta_stats::{inverse_erf, normal_quantile};
use statrs::distribution::{ContinuousCDF, Normal};

#[test]
fn the_quantile_agrees_with_an_independent_one() {
    let normal = Normal::standard();
    for step in 1..10_000 {
        let p = f64::from(step) / 10_000.0;
        let (ours, theirs) = (normal_quantile(p), normal.inverse_cdf(p));
        assert!(
            (ours - theirs).abs() <= 1e-8 * theirs.abs().max(1e-3),
            "p = {p}: {ours} against {theirs}"
        );
    }
}

#[test]
fn the_inverse_error_function_undoes_the_error_function() {
    // Into the tail branch: 1 - |x| down to 1e-12.
    for exponent in 1..12 {
        let x = 1.0 - 10f64.powi(-exponent);
        for x in [x, -x] {
            let back = statrs::function::erf::erf(inverse_erf(x));
            assert!((back - x).abs() < 1e-10, "{x} came back as {back}");
        }
    }
}
