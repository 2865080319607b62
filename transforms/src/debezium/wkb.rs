//! Geometries in well-known binary: with and without the number of their reference system, and with x and y swapped.

use connect_api::{Error, Result};

/// Set in the type of a geometry whose reference system follows (PostGIS's extension).
const WITH_SRID: u32 = 0x2000_0000;
const WITH_Z: u32 = 0x8000_0000;
const WITH_M: u32 = 0x4000_0000;
/// Deeper nesting is an attack on the stack.
const DEPTH_MAX: usize = 20;

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    fn bytes(self, number: u32) -> [u8; 4] {
        match self {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        }
    }
}

fn cut_short() -> Error {
    Error::data("a geometry ends too early")
}

/// The order of its numbers and its type.
fn header(bytes: &[u8]) -> Result<(Order, u32)> {
    let order = match bytes.first() {
        Some(1) => Order::Little,
        Some(0) => Order::Big,
        _ => return Err(Error::data("a geometry does not begin with the order of its bytes")),
    };
    let ty = bytes.get(1..5).and_then(|ty| ty.try_into().ok()).ok_or_else(cut_short)?;
    Ok((order, order.number(ty)))
}

/// Adds the number of the reference system.
pub(super) fn with_srid(bytes: &[u8], srid: u32) -> Result<Vec<u8>> {
    let (order, ty) = header(bytes)?;
    if ty & WITH_SRID != 0 {
        return Ok(bytes.to_vec());
    }
    let mut out = vec![bytes[0]];
    out.extend(order.bytes(ty | WITH_SRID));
    out.extend(order.bytes(srid));
    out.extend(&bytes[5..]);
    Ok(out)
}

/// Leaves the number of the reference system out.
pub(super) fn without_srid(bytes: &[u8]) -> Result<Vec<u8>> {
    let (order, ty) = header(bytes)?;
    if ty & WITH_SRID == 0 {
        return Ok(bytes.to_vec());
    }
    let mut out = vec![bytes[0]];
    out.extend(order.bytes(ty & !WITH_SRID));
    out.extend(bytes.get(9..).ok_or_else(cut_short)?);
    Ok(out)
}

/// Swaps the first two coordinates of every point.
pub(super) fn swapped(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut swap = Swap { bytes: bytes.to_vec(), at: 0 };
    swap.geometry(DEPTH_MAX)?;
    Ok(swap.bytes)
}

struct Swap {
    bytes: Vec<u8>,
    at: usize,
}

impl Swap {
    fn geometry(&mut self, depth: usize) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| Error::data("a geometry is nested too deeply"))?;
        let (order, ty) = header(&self.bytes[self.at.min(self.bytes.len())..])?;
        self.at += if ty & WITH_SRID != 0 { 9 } else { 5 };
        let plain = ty & !(WITH_SRID | WITH_Z | WITH_M);
        // ISO numbers the types with z, m and both by thousands.
        let (kind, thousands) = (plain % 1000, plain / 1000);
        let z = ty & WITH_Z != 0 || matches!(thousands, 1 | 3);
        let m = ty & WITH_M != 0 || matches!(thousands, 2 | 3);
        let dimensions = 2 + usize::from(z) + usize::from(m);
        match kind {
            1 => self.points(1, dimensions),
            2 => {
                let count = self.count(order)?;
                self.points(count, dimensions)
            }
            3 => {
                for _ in 0..self.count(order)? {
                    let count = self.count(order)?;
                    self.points(count, dimensions)?;
                }
                Ok(())
            }
            4..=7 => {
                for _ in 0..self.count(order)? {
                    self.geometry(depth)?;
                }
                Ok(())
            }
            other => Err(Error::data(format!("a geometry of type {other} is not supported"))),
        }
    }

    fn count(&mut self, order: Order) -> Result<usize> {
        let bytes = self.bytes.get(self.at..self.at + 4).and_then(|bytes| bytes.try_into().ok());
        self.at += 4;
        Ok(order.number(bytes.ok_or_else(cut_short)?) as usize)
    }

    fn points(&mut self, count: usize, dimensions: usize) -> Result<()> {
        for _ in 0..count {
            let point = self.bytes.get_mut(self.at..self.at + 8 * dimensions).ok_or_else(cut_short)?;
            let (x, rest) = point.split_at_mut(8);
            x.swap_with_slice(&mut rest[..8]);
            self.at += 8 * dimensions;
        }
        Ok(())
    }
}
