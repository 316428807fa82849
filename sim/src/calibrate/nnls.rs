//! Least squares with solutions that are nowhere negative: what prices are.
//!
//! The active-set method of Lawson and Hanson, "Solving Least Squares Problems" (1974), chapter 23,
//! on the normal equations of columns scaled to length one.

/// More rounds than this for each unknown mean that rounding keeps the method in a circle.
const ROUNDS_PER_UNKNOWN: usize = 10;
/// What counts as zero beside columns of length one.
const TOLERANCE: f64 = 1e-10;

/// The vector x ≥ 0 that makes the sum of squares of `rows · x − right` least.
///
/// Columns that are zero everywhere get 0. Of columns that are multiples of one another, one gets
/// a price.
///
/// # Panics
/// If the rows are not of one length, or as many as there are numbers on the right.
pub fn solve(rows: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    assert_eq!(rows.len(), right.len(), "each row has its right side");
    let unknowns = rows.first().map_or(0, Vec::len);
    let lengths: Vec<f64> = (0..unknowns)
        .map(|column| rows.iter().map(|row| row[column] * row[column]).sum())
        .map(|square: f64| if square > 0.0 { square.sqrt() } else { 1.0 })
        .collect();
    let gram = |i: usize, j: usize| {
        let sum: f64 = rows.iter().map(|row| row[i] * row[j]).sum();
        sum / (lengths[i] * lengths[j])
    };
    let matrix: Vec<Vec<f64>> = (0..unknowns)
        .map(|i| (0..unknowns).map(|j| gram(i, j)).collect())
        .collect();
    let target: Vec<f64> = (0..unknowns)
        .map(|i| {
            let sum: f64 = rows.iter().zip(right).map(|(row, y)| row[i] * y).sum();
            sum / lengths[i]
        })
        .collect();
    let size = right.iter().map(|y| y * y).sum::<f64>().sqrt();
    let scaled = active_set(&matrix, &target, TOLERANCE * size);
    scaled.iter().zip(&lengths).map(|(x, l)| x / l).collect()
}

/// Minimizes on the columns in use, taking in one that would help and dropping those that would
/// become negative, until no other column helps.
fn active_set(matrix: &[Vec<f64>], target: &[f64], tolerance: f64) -> Vec<f64> {
    let unknowns = target.len();
    let mut x = vec![0.0; unknowns];
    let mut is_used = vec![false; unknowns];
    // A column that depends on those in use is given up for good.
    let mut is_given_up = vec![false; unknowns];
    for _ in 0..ROUNDS_PER_UNKNOWN * unknowns {
        let gain = |i: usize| -> f64 {
            target[i] - matrix[i].iter().zip(&x).map(|(a, x)| a * x).sum::<f64>()
        };
        let best = (0..unknowns)
            .filter(|&i| !is_used[i] && !is_given_up[i] && gain(i) > tolerance)
            .max_by(|&i, &j| gain(i).total_cmp(&gain(j)));
        let Some(best) = best else { break };
        is_used[best] = true;
        while is_used.contains(&true) {
            let used: Vec<usize> = (0..unknowns).filter(|&i| is_used[i]).collect();
            let Some(free) = minimize(matrix, target, &used) else {
                is_used[best] = false;
                is_given_up[best] = true;
                break;
            };
            if free.iter().all(|&z| z > 0.0) {
                used.iter().zip(&free).for_each(|(&i, &z)| x[i] = z);
                break;
            }
            // As far towards the free minimum as all stay at or above zero.
            let steps = used.iter().zip(&free).filter(|(_, z)| **z <= 0.0);
            let step = steps
                .map(|(&i, &z)| x[i] / (x[i] - z))
                .fold(1.0_f64, |least, step| least.min(step));
            for (&i, &z) in used.iter().zip(&free) {
                x[i] += step * (z - x[i]);
                if z <= 0.0 && x[i] <= tolerance {
                    x[i] = 0.0;
                    is_used[i] = false;
                }
            }
        }
    }
    x
}

/// The minimum over the columns `used` alone, by elimination with pivots; none where one of them
/// depends on the others.
fn minimize(matrix: &[Vec<f64>], target: &[f64], used: &[usize]) -> Option<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = used
        .iter()
        .map(|&i| {
            let left = used.iter().map(|&j| matrix[i][j]);
            left.chain([target[i]]).collect()
        })
        .collect();
    let count = used.len();
    for column in 0..count {
        let size = |row: &Vec<f64>| row[column].abs();
        let pivot = (column..count).max_by(|&i, &j| size(&rows[i]).total_cmp(&size(&rows[j])))?;
        if size(&rows[pivot]) < TOLERANCE {
            return None;
        }
        rows.swap(column, pivot);
        let pivot = rows[column].clone();
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row[column] / pivot[column];
            row.iter_mut()
                .zip(&pivot)
                .for_each(|(a, p)| *a -= factor * p);
        }
    }
    let mut solution = vec![0.0; count];
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|j| rows[row][j] * solution[j]).sum();
        solution[row] = (rows[row][count] - known) / rows[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::{Seed, open_unit};

    fn assert_near(found: &[f64], expected: &[f64]) {
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(is_near),
            "{found:?} for {expected:?}"
        );
    }

    #[test]
    fn a_solution_without_negative_numbers_is_found_exactly() {
        let rows = [vec![1.0, 1.0], vec![1.0, 2.0], vec![1.0, 4.0]];
        assert_near(&solve(&rows, &[5.0, 7.0, 11.0]), &[3.0, 2.0]);
    }

    #[test]
    fn what_would_be_negative_is_zero_and_the_rest_is_fitted_again() {
        // Without the bound: 4 and -1. With it, the mean of the right sides.
        let rows = [vec![1.0, 0.0], vec![1.0, 1.0], vec![1.0, 2.0]];
        assert_near(&solve(&rows, &[4.0, 3.0, 2.0]), &[3.0, 0.0]);
    }

    #[test]
    fn columns_of_nothing_and_copies_do_not_disturb() {
        let rows = [
            vec![0.0, 1.0, 2.0, 1.0],
            vec![0.0, 2.0, 4.0, 1.0],
            vec![0.0, 3.0, 6.0, 1.0],
        ];
        let x = solve(&rows, &[6.0, 11.0, 16.0]);
        assert_eq!(x[0], 0.0);
        assert_near(&[x[1] + 2.0 * x[2], x[3]], &[5.0, 1.0]);
        assert_eq!(solve(&[], &[]), Vec::<f64>::new());
    }

    /// The conditions of Karush, Kuhn and Tucker hold at the minimum and nowhere else.
    #[test]
    fn nothing_more_can_be_gained_at_the_solution() {
        let stream = Seed(5).stream("systems");
        for system in 0..200 {
            let mut draws = stream.draws(system, 0);
            let mut draw = || open_unit(draws.next_u64()) * 2.0 - 1.0;
            let rows: Vec<Vec<f64>> = (0..12).map(|_| (0..5).map(|_| draw()).collect()).collect();
            let right: Vec<f64> = (0..12).map(|_| draw()).collect();
            let x = solve(&rows, &right);
            for column in 0..5 {
                let residual = |(row, y): (&Vec<f64>, &f64)| {
                    let fitted: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
                    row[column] * (y - fitted)
                };
                let gain: f64 = rows.iter().zip(&right).map(residual).sum();
                assert!(x[column] >= 0.0 && gain < 1e-6, "{system}: {gain}");
                assert!((x[column] * gain).abs() < 1e-6, "{system}: {gain}");
            }
        }
    }
}
