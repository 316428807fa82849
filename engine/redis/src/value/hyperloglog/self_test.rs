//! PFSELFTEST: registers keep what is put into them, both forms agree, and estimates are near the truth
//! (`redis:src/hyperloglog.c`, pfselftestCommand).

use super::{
    DENSE, DENSE_BYTES, ENCODING_AT, REGISTER_MAX, REGISTERS, add, dense_register, empty, estimate,
    is_dense, merge_into, set_dense,
};
use kvrig_base::random::Sequence;
use kvrig_base::seam::Work;

/// How often all registers are filled and read (HLL_TEST_CYCLES).
const CYCLES: u32 = 1_000;
/// How many elements are added.
const ELEMENTS: u64 = 10_000_000;
/// Standard error of an estimate: 1.04 / sqrt(16,384).
const STANDARD_ERROR: f64 = 0.008_125;
/// How many standard errors an estimate may be off.
const ERRORS_MAX: f64 = 6.0;

/// Tests all that; says what is wrong.
pub(crate) fn run(
    sparse_bytes_max: usize,
    random: &mut Sequence,
    work: &mut Work,
) -> Result<(), String> {
    let mut dense = empty();
    dense.resize(DENSE_BYTES, 0);
    dense[ENCODING_AT] = DENSE;
    test_registers(&mut dense, random)?;
    dense[super::HEADER_BYTES..].fill(0);
    test_estimates(dense, sparse_bytes_max, random.next_u64(), work)
}

fn test_registers(dense: &mut [u8], random: &mut Sequence) -> Result<(), String> {
    let mut expected = [0; REGISTERS];
    for _ in 0..CYCLES {
        for (index, value) in expected.iter_mut().enumerate() {
            *value = random.next_u64() as u8 & REGISTER_MAX;
            set_dense(dense, index, *value);
        }
        for (index, value) in expected.iter().enumerate() {
            let found = dense_register(dense, index);
            if found != *value {
                return Err(format!("Register {index} should be {value} but is {found}"));
            }
        }
    }
    Ok(())
}

/// Adds elements to one in either form, and looks at both whenever there are ten times as many.
fn test_estimates(
    mut dense: Vec<u8>,
    sparse_bytes_max: usize,
    seed: u64,
    work: &mut Work,
) -> Result<(), String> {
    let mut other = empty();
    let mut next = 1;
    for number in 1..=ELEMENTS {
        let element = (number ^ seed).to_le_bytes();
        for one in [&mut dense, &mut other] {
            add(one, &element, sparse_bytes_max, work).map_err(|_| "corrupted".to_owned())?;
        }
        if number < next {
            continue;
        }
        next *= 10;
        if number < sparse_bytes_max as u64 / 2 && is_dense(&other) {
            return Err("sparse encoding not used".to_owned());
        }
        let estimates = [estimate_of(&dense, work), estimate_of(&other, work)];
        if estimates[0] != estimates[1] {
            return Err("dense/sparse disagree".to_owned());
        }
        let off = number.abs_diff(estimates[0]);
        // Of ten, two now and then fall into one register.
        let most = match number {
            10 => 1.0,
            _ => libm::ceil(STANDARD_ERROR * ERRORS_MAX * number as f64),
        };
        if off as f64 > most {
            return Err(format!("Too big error. card:{number} abserr:{off}"));
        }
    }
    Ok(())
}

fn estimate_of(bytes: &[u8], work: &mut Work) -> u64 {
    let mut registers = [0; REGISTERS];
    // What was made here is whole.
    let _ = merge_into(&mut registers, bytes, work);
    estimate(&registers)
}
