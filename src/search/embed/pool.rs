//! From what a network says of each token to one vector of unit length a text.

use crate::model::Pooling;

/// Texts as a network takes them: token ids in rows of one width, filled up with zeros.
pub(super) struct Batch {
    /// `rows × width` token ids.
    pub(super) ids: Vec<i32>,
    /// 1 for a token of the text, 0 for what fills the row up.
    pub(super) mask: Vec<i32>,
    /// How many tokens each row has.
    pub(super) lengths: Vec<usize>,
    /// The length of a row.
    pub(super) width: usize,
}

/// What a network puts out: `[rows, width, dimensions]`, or `[rows, dimensions]` where it pools by itself.
pub(super) struct Output {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Batch {
    pub(super) fn new(texts: &[&[i32]]) -> Self {
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for text in texts {
            ids.extend_from_slice(text);
            ids.resize(ids.len() + width - text.len(), 0);
            mask.resize(mask.len() + text.len(), 1);
            mask.resize(mask.len() + width - text.len(), 0);
        }
        Self { ids, mask, lengths, width }
    }

    pub(super) fn rows(&self) -> usize {
        self.lengths.len()
    }
}

impl Output {
    /// A vector a row, or what is wrong with the output.
    pub(super) fn vectors(
        &self,
        batch: &Batch,
        pooling: Pooling,
        dimensions: usize,
    ) -> Result<Vec<Vec<f32>>, String> {
        let rows = batch.rows();
        let tokens = match *self.shape {
            [given, width, size] if (given, width, size) == (rows, batch.width, dimensions) => {
                width
            }
            [given, size] if (given, size) == (rows, dimensions) => 1,
            _ => {
                return Err(format!(
                    "it gives numbers in the shape {:?}, not [{rows}, {}, {dimensions}]",
                    self.shape, batch.width
                ));
            }
        };
        if self.values.len() != rows * tokens * dimensions {
            return Err("it gives fewer or more numbers than it says".to_owned());
        }
        self.values
            .chunks_exact(tokens * dimensions)
            .zip(&batch.lengths)
            .map(|(row, length)| {
                let counted = match pooling {
                    Pooling::Mean => (*length).min(tokens),
                    Pooling::Cls => 1,
                };
                unit(sum(&row[..counted * dimensions], dimensions))
            })
            .collect()
    }
}

/// The mean but for its length, which does not matter to what follows.
fn sum(values: &[f32], dimensions: usize) -> Vec<f32> {
    let mut total = vec![0.0; dimensions];
    for token in values.chunks_exact(dimensions) {
        for (sum, value) in total.iter_mut().zip(token) {
            *sum += value;
        }
    }
    total
}

fn unit(mut vector: Vec<f32>) -> Result<Vec<f32>, String> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::MIN_POSITIVE {
        return Err("it gives vectors without a direction".to_owned());
    }
    for value in &mut vector {
        *value /= length;
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_row_up_does_not_count() {
        let batch = Batch::new(&[&[7, 8], &[9]]);
        assert_eq!(
            (batch.ids.as_slice(), batch.mask.as_slice()),
            (&[7, 8, 9, 0][..], &[1, 1, 1, 0][..])
        );
        let output =
            Output { shape: vec![2, 2, 2], values: vec![3.0, 0.0, 0.0, 4.0, 0.0, 2.0, 9.0, 9.0] };
        let check = |pooling, expected: [[f32; 2]; 2]| {
            assert_eq!(
                output.vectors(&batch, pooling, 2).expect("vectors"),
                expected,
                "{pooling:?}"
            );
        };
        check(Pooling::Mean, [[0.6, 0.8], [0.0, 1.0]]);
        check(Pooling::Cls, [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[test]
    fn output_of_another_shape_or_without_direction_is_refused() {
        let batch = Batch::new(&[&[7, 8]]);
        let check = |shape: &[usize], values: &[f32], expected: &str| {
            let output = Output { shape: shape.to_vec(), values: values.to_vec() };
            let reason = output.vectors(&batch, Pooling::Mean, 2).expect_err("a fault");
            assert!(reason.contains(expected), "{reason}");
        };
        check(&[1, 2, 3], &[1.0; 6], "shape");
        check(&[1, 3, 2], &[1.0; 6], "shape");
        check(&[2], &[1.0; 2], "shape");
        check(&[1, 2, 2], &[1.0; 3], "fewer or more");
        check(&[1, 2, 2], &[0.0; 4], "direction");
        check(&[1, 2, 2], &[f32::NAN; 4], "direction");
        check(&[1, 2], &[f32::INFINITY, 0.0], "direction");
    }
}
