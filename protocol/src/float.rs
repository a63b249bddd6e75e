//! A floating-point number that is compared by its bits, so that messages that hold one are `Eq`.

/// A `float64` of the protocol. Equal means the same bits: `NaN` equals itself, and 0 is not -0.
///
/// ```
/// use milena_protocol::Float64;
/// assert_eq!(Float64(f64::NAN), Float64(f64::NAN));
/// assert_ne!(Float64(0.0), Float64(-0.0));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Float64(pub f64);

impl PartialEq for Float64 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Float64 {}

impl From<f64> for Float64 {
    fn from(value: f64) -> Self {
        Self(value)
    }
}
