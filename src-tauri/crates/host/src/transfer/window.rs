//! How much of an upload is under way at once. Pure: it is told what arrived after how long, and says whether more may go.
//!
//! What is on the way to the host when a link breaks is sent a second time, so no more is under way than keeps the link busy:
//! what it holds by itself (its throughput times its round trip) and one piece that waits at its narrowest place. This is the
//! window of FAST TCP (Jin, Wei, Low, INFOCOM 2004, equation 4): `window × shortest round trip ÷ this round trip + waiting`.

use std::time::Duration;

/// Most bytes under way: more than `sshd` takes in before it must be read (2 MiB).
const MOST: u64 = 3 << 20;
/// Most bytes of a piece.
const LARGEST: u64 = 512 << 10;
/// Bytes of an archive that is sent again sooner than its pieces are waited for.
const LITTLE: u64 = 8 << 20;
/// Bytes a second of the fastest link that is reckoned with; a slower one shows within a round trip. At a round trip of 80 ms
/// less than a mebibyte is then on the way to the host.
const FASTEST: u64 = 15 << 20;

/// The window of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Bytes of one piece.
    piece: u64,
    /// Bytes that may be under way.
    size: u64,
    /// The shortest time that anything took there and back.
    round_trip: Duration,
    /// The shortest time that a piece took.
    shortest: Duration,
}

impl Window {
    /// For an archive of `total` bytes, over a link on which a question and its answer took `round_trip`.
    pub(super) fn new(total: u64, round_trip: Duration) -> Self {
        // Each piece costs a few processes on the host. Two must be under way, or the link waits for the host and the host for
        // the link; they are as large as a hundredth of the whole allows. Of little, a hundredth is not worth the processes.
        let piece = if total < LITTLE { LARGEST } else { (total / 240).clamp(128 << 10, LARGEST) };
        let mut window = Self { piece, size: MOST, round_trip, shortest: Duration::MAX };
        window.limit(MOST);
        window
    }

    /// Sets the size within its limits: on a short way, processes of the host take longer than the link, and more of them would
    /// only stand in line.
    fn limit(&mut self, wanted: u64) {
        let milliseconds = u64::try_from(self.round_trip.as_millis()).unwrap_or(u64::MAX);
        let holds = milliseconds.saturating_mul(FASTEST / 1000);
        self.size = wanted.min(holds.saturating_add(self.piece)).clamp(2 * self.piece, MOST);
    }

    /// Bytes of the next piece, when `under_way` are under way.
    pub(super) fn room(&self, under_way: u64) -> Option<u64> {
        // To the nearest number of pieces: rounded down, a window of few pieces would leave the link idle.
        (under_way.saturating_add(self.piece / 2) <= self.size).then_some(self.piece)
    }

    /// A piece arrived `after` it was sent; with it, `under_way` bytes were.
    pub(super) fn arrived(&mut self, under_way: u64, after: Duration) {
        let after = after.max(Duration::from_micros(1));
        self.shortest = self.shortest.min(after);
        self.round_trip = self.round_trip.min(after);
        let holds = u128::from(under_way) * self.shortest.as_micros() / after.as_micros();
        let wanted = u64::try_from(holds).unwrap_or(MOST).saturating_add(self.piece).min(MOST);
        // Half of the way, so that one slow answer is not taken for a slow link.
        self.limit((self.size + wanted) / 2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A link that passes `rate` bytes a second, one piece after the other, and adds `round_trip`.
    struct Upload {
        took: Duration,
        most_under_way_late: u64,
    }

    fn upload(total: u64, rate: u64, round_trip: Duration) -> Upload {
        let mut window = Window::new(total, round_trip);
        let (mut now, mut free) = (Duration::ZERO, Duration::ZERO);
        let mut under_way: VecDeque<(Duration, Duration, u64, u64)> = VecDeque::new();
        let (mut sent, mut there, mut most) = (0, 0, 0);
        while there < total {
            while let Some(piece) = window.room(sent - there).filter(|_| sent < total) {
                let piece = piece.min(total - sent);
                sent += piece;
                free = free.max(now) + Duration::from_secs_f64(piece as f64 / rate as f64);
                under_way.push_back((now, free + round_trip, piece, sent - there));
                if there > total / 4 {
                    most = most.max(sent - there);
                }
            }
            let (began, ends, piece, beside) = under_way.pop_front().unwrap();
            now = ends;
            there += piece;
            window.arrived(beside, ends - began);
        }
        Upload { took: now, most_under_way_late: most }
    }

    #[test]
    fn the_link_is_kept_busy_and_little_waits_on_the_way() {
        for milliseconds in [0, 1, 20, 80, 300] {
            for rate in [100 << 10, 1 << 20, 4 << 20, 10 << 20, 20 << 20] {
                let (total, round_trip) = (92 << 20, Duration::from_millis(milliseconds));
                let done = upload(total, rate, round_trip);
                let holds = (rate as f64 * round_trip.as_secs_f64()) as u64;
                let least = total as f64 / rate as f64 + round_trip.as_secs_f64();
                let lost = done.took.as_secs_f64() / least;
                println!(
                    "{milliseconds} ms, {} KiB/s: {:.3} of the best, {} under way, the link holds {holds}",
                    rate >> 10,
                    lost,
                    done.most_under_way_late
                );
                // A faster link is limited by the window.
                if rate < FASTEST && holds <= 2 << 20 {
                    assert!(lost < 1.05, "{lost}");
                }
                let most = (holds + total / 100).min(MOST + (512 << 10));
                assert!(done.most_under_way_late <= most, "{} of {most}", done.most_under_way_late);
            }
        }
    }

    #[test]
    fn small_and_large_uploads_keep_their_bounds() {
        for total in [0, 1, 1 << 20, 100 << 20, 10 << 30, u64::MAX] {
            for round_trip in [Duration::ZERO, Duration::from_millis(80), Duration::MAX] {
                let mut window = Window::new(total, round_trip);
                for (under_way, after) in [(0, Duration::ZERO), (MOST, Duration::MAX), (1, Duration::from_nanos(1))] {
                    assert!(window.room(0).is_some_and(|piece| (128 << 10..=512 << 10).contains(&piece)));
                    assert!(window.size <= MOST && window.room(MOST).is_none());
                    window.arrived(under_way, after);
                }
            }
        }
    }
}
