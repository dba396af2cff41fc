//! The length prefix in front of every request: INT32, big-endian, counting the bytes that follow it.

use thiserror::Error;

use crate::limits::MIN_REQUEST_BYTES;

/// How many bytes follow this length prefix.
///
/// `limit` is the largest request that is taken, in bytes. Nothing may be allocated by the number that this
/// returns: a peer can announce much and send nothing.
pub fn body_length(prefix: [u8; 4], limit: usize) -> Result<usize, FrameError> {
    let announced = i32::from_be_bytes(prefix);
    let Ok(length) = usize::try_from(announced) else {
        return Err(FrameError::Negative { announced });
    };
    if length < MIN_REQUEST_BYTES {
        return Err(FrameError::TooShort { length });
    }
    if length > limit {
        return Err(match Stranger::recognise(prefix) {
            Some(stranger) => FrameError::Stranger { stranger },
            None => FrameError::TooLarge { length, limit },
        });
    }
    Ok(length)
}

/// Why a length prefix cannot start a request. All of them end the connection: there is no way back into step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The length is negative.
    #[error("negative request length {announced}")]
    Negative {
        /// The length as it was found.
        announced: i32,
    },
    /// No request header fits.
    #[error("request of {length} bytes is shorter than a request header")]
    TooShort {
        /// The length announced, in bytes.
        length: usize,
    },
    /// Larger than what is taken.
    #[error("request of {length} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// The length announced, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The peer speaks another protocol.
    #[error("this is not a Kafka request but looks like {stranger}")]
    Stranger {
        /// Which.
        stranger: Stranger,
    },
}

/// Other protocols that end up at a Kafka port by mistake, recognised by their first four bytes.
///
/// As lengths, all of these are above 300 MB, so with a usual limit none can be a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// A TLS handshake record: the client is set to SSL, this listener is not.
    Tls,
    /// An HTTP method.
    Http,
}

impl Stranger {
    fn recognise(prefix: [u8; 4]) -> Option<Self> {
        match &prefix {
            // Record type "handshake", major version 3 (SSL 3.0 up to TLS 1.3).
            [0x16, 0x03, ..] => Some(Self::Tls),
            b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"CONN" | b"OPTI" | b"TRAC" | b"PATC"
            | b"PRI " => Some(Self::Http),
            _ => None,
        }
    }
}

impl std::fmt::Display for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tls => {
                "TLS, and this listener is plaintext: the client's security.protocol must be PLAINTEXT"
            }
            Self::Http => "HTTP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    #[test]
    fn takes_lengths_from_a_header_up_to_the_limit() {
        assert_eq!(body_length(8_i32.to_be_bytes(), LIMIT), Ok(8));
        assert_eq!(body_length(1000_i32.to_be_bytes(), LIMIT), Ok(1000));
        assert_eq!(body_length(i32::MAX.to_be_bytes(), usize::MAX), Ok(2_147_483_647));
    }

    #[test]
    fn refuses_lengths_that_cannot_be() {
        assert_eq!(body_length([0; 4], LIMIT), Err(FrameError::TooShort { length: 0 }));
        assert_eq!(body_length(7_i32.to_be_bytes(), LIMIT), Err(FrameError::TooShort { length: 7 }));
        assert_eq!(body_length([0xff; 4], LIMIT), Err(FrameError::Negative { announced: -1 }));
        assert_eq!(
            body_length(i32::MIN.to_be_bytes(), LIMIT),
            Err(FrameError::Negative { announced: i32::MIN })
        );
        assert_eq!(
            body_length(1001_i32.to_be_bytes(), LIMIT),
            Err(FrameError::TooLarge { length: 1001, limit: LIMIT })
        );
    }

    #[test]
    fn names_the_protocol_that_lost_its_way() {
        let tls = body_length([0x16, 0x03, 0x01, 0x02], LIMIT).unwrap_err();
        assert_eq!(tls, FrameError::Stranger { stranger: Stranger::Tls });
        assert_eq!(
            tls.to_string(),
            "this is not a Kafka request but looks like TLS, and this listener is plaintext: the client's security.protocol \
             must be PLAINTEXT"
        );
        for method in [b"GET ", b"POST", b"PRI "] {
            let http = body_length(*method, LIMIT).unwrap_err();
            assert_eq!(http, FrameError::Stranger { stranger: Stranger::Http });
        }
        // Within the limit, it may be a length.
        assert_eq!(body_length(*b"GET ", usize::MAX), Ok(0x4745_5420));
    }
}
