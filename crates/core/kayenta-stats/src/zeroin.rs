//! Root finding without derivatives.

/// Absolute tolerance of the root: the reference's, whatever the unit of the data.
pub const TOLERANCE: f64 = 1e-4;

/// Machine epsilon as the reference writes it, 2⁻⁵².
const EPSILON: f64 = f64::EPSILON;

/// Evaluations after which the search gives up and returns its best point. Only infinite data get there.
const MAX_ITERATIONS: usize = 1001;

/// A root of `f` between `lower` and `upper` by Brent's "zeroin" (R. P. Brent, *Algorithms for
/// Minimization Without Derivatives*, 1973, chapter 4; the Netlib version), with the reference's
/// constants and order of operations.
///
/// `f_lower` and `f_upper` are the values at the ends, of opposite sign; when they are not, the result
/// is whatever the iteration runs into, without an error, as in the reference. The root is off by at
/// most [`TOLERANCE`] + 4ε·|root| from a change of sign.
///
/// # Errors
/// The first error of `f`.
pub fn zeroin<E>(
    (lower, f_lower): (f64, f64),
    (upper, f_upper): (f64, f64),
    mut f: impl FnMut(f64) -> Result<f64, E>,
) -> Result<f64, E> {
    let (mut a, mut fa) = (lower, f_lower);
    let (mut b, mut fb) = (upper, f_upper);
    let (mut c, mut fc) = (a, fa);
    if is_zero(fa) {
        return Ok(a);
    }
    if is_zero(fb) {
        return Ok(b);
    }
    for _ in 0..MAX_ITERATIONS {
        let previous = b - a;
        if fc.abs() < fb.abs() {
            // The best point moves to b; c takes the new a, the old b.
            (a, b) = (b, c);
            c = a;
            (fa, fb) = (fb, fc);
            fc = fa;
        }
        let tolerance = 2.0 * EPSILON * b.abs() + TOLERANCE / 2.0;
        let mut step = (c - b) / 2.0;
        if step.abs() <= tolerance || is_zero(fb) {
            return Ok(b);
        }
        if previous.abs() >= tolerance && fa.abs() > fb.abs() {
            let cb = c - b;
            let (mut p, mut q);
            if a == c {
                // Two points only: linear interpolation.
                let t1 = fb / fa;
                p = cb * t1;
                q = 1.0 - t1;
            } else {
                // Inverse quadratic interpolation.
                q = fa / fc;
                let t1 = fb / fc;
                let t2 = fb / fa;
                p = t2 * (cb * q * (q - t1) - (b - a) * (t1 - 1.0));
                q = (q - 1.0) * (t1 - 1.0) * (t2 - 1.0);
            }
            if p > 0.0 {
                q = -q;
            } else {
                p = -p;
            }
            if p < 0.75 * cb * q - (tolerance * q).abs() / 2.0 && p < (previous * q / 2.0).abs() {
                step = p / q;
            }
        }
        if step.abs() < tolerance {
            step = if step > 0.0 { tolerance } else { -tolerance };
        }
        (a, fa) = (b, fb);
        b += step;
        fb = f(b)?;
        if (fb > 0.0 && fc > 0.0) || (fb < 0.0 && fc < 0.0) {
            (c, fc) = (a, fa);
        }
    }
    Ok(b)
}

/// Equality with zero within one unit in the last place.
fn is_zero(value: f64) -> bool {
    value.abs() <= f64::from_bits(1)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn root(lower: f64, upper: f64, f: impl Fn(f64) -> f64) -> f64 {
        zeroin((lower, f(lower)), (upper, f(upper)), |x| {
            Ok::<_, Infallible>(f(x))
        })
        .unwrap()
    }

    #[test]
    fn finds_roots_within_the_tolerance() {
        assert!((root(0.0, 2.0, |x| x * x - 2.0) - 2f64.sqrt()).abs() < TOLERANCE);
        assert!((root(-4.0, 4.0 / 3.0, |x| (x + 3.0) * (x - 1.0).powi(2)) + 3.0).abs() < TOLERANCE);
        assert!((root(0.0, 1.0, |x| x.cos() - x) - 0.7390851332151607).abs() < TOLERANCE);
    }

    #[test]
    fn an_end_that_is_a_root_is_returned() {
        assert_eq!(root(1.0, 5.0, |x| x - 1.0), 1.0);
        assert_eq!(root(1.0, 5.0, |x| 5.0 - x), 5.0);
    }

    #[test]
    fn an_error_of_the_function_ends_the_search() {
        let outcome = zeroin((0.0, -1.0), (1.0, 1.0), |_| Err::<f64, _>("no"));
        assert_eq!(outcome, Err("no"));
    }

    #[test]
    fn infinite_ends_do_not_loop_for_ever() {
        let mut calls = 0;
        let result = zeroin((f64::NEG_INFINITY, 1.0), (f64::INFINITY, -1.0), |_| {
            calls += 1;
            Ok::<_, Infallible>(1.0)
        });
        assert!(result.is_ok());
        assert!(calls <= MAX_ITERATIONS);
    }
}
