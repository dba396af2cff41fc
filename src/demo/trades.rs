//! Made-up trades: JSON records of about 110 bytes, the same ones for the same seed.

use std::io::Write;

use bytes::Bytes;

/// What is traded, at about which price.
const MARKETS: [(&str, f64); 8] = [
    ("BTC-USD", 61_000.0),
    ("ETH-USD", 3_400.0),
    ("SOL-USD", 150.0),
    ("ADA-USD", 0.45),
    ("LTC-USD", 82.0),
    ("DOT-USD", 6.1),
    ("XLM-USD", 0.11),
    ("ETH-BTC", 0.056),
];

/// A market whose prices wander about.
#[derive(Clone, Debug)]
pub struct Trades {
    random: u64,
    seq: u64,
    prices: [f64; MARKETS.len()],
}

impl Trades {
    /// Trades that are the same for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { random: seed, seq: 0, prices: MARKETS.map(|(_, price)| price) }
    }

    /// The next trade, as JSON, at an instant in microseconds since the epoch:
    /// `{"symbol":"BTC-USD","side":"buy","price":61003.5,"qty":0.25,"seq":0,"ts":1767225600000000}`.
    pub fn next(&mut self, ts_micros: i64) -> Bytes {
        let random = self.next_random();
        let market = (random % MARKETS.len() as u64) as usize;
        let side = if random & 0x100 == 0 { "buy" } else { "sell" };
        let step = 1.0 + ((random >> 16 & 0xffff) as f64 / 65_535.0 - 0.5) * 0.000_4;
        self.prices[market] *= step;
        // Six digits, as markets quote, and never none after the point: a column of integers would come of that.
        let digits = (5 - self.prices[market].abs().log10().floor() as i32).clamp(1, 8) as usize;
        let qty = (random >> 32 & 0xffff) as f64 / 10_000.0 + 0.000_1;
        let mut json = Vec::with_capacity(128);
        // Writing to a Vec cannot fail.
        let _ = write!(
            json,
            r#"{{"symbol":"{}","side":"{side}","price":{:.digits$},"qty":{qty:.4},"seq":{},"ts":{ts_micros}}}"#,
            MARKETS[market].0, self.prices[market], self.seq,
        );
        self.seq += 1;
        json.into()
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_trades_which_are_json() {
        let (mut one, mut same, mut other) = (Trades::new(7), Trades::new(7), Trades::new(8));
        let mut differ = 0;
        for seq in 0..1_000 {
            let trade = one.next(1_767_225_600_000_000 + seq);
            assert_eq!(trade, same.next(1_767_225_600_000_000 + seq));
            differ += usize::from(trade != other.next(1_767_225_600_000_000 + seq));
            let json: serde_json::Value = serde_json::from_slice(&trade).unwrap();
            assert_eq!(json["seq"], seq);
            assert!(json["price"].as_f64().unwrap() > 0.0 && json["qty"].as_f64().unwrap() > 0.0, "{json}");
            assert!((80..=130).contains(&trade.len()), "{json}");
        }
        assert!(differ > 900, "{differ}");
    }
}
