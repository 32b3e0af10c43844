//! A URL as a QR code, for the camera of a phone.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// Two rows of points in a line of text; none where the URL is too long for the widest terminal that people have.
pub(super) fn qr_code(url: &str) -> Option<String> {
    const WIDEST: usize = 76;
    let code = QrCode::new(url).ok().filter(|code| code.width() <= WIDEST)?;
    // Terminals are dark more often than not, and cameras read both.
    let mut renderer = code.render::<Dense1x2>();
    Some(renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::qr_code;

    #[test]
    fn urls_become_squares() {
        let picture = qr_code("https://example.com/activate?user_code=WDJB-MJHT").expect("it fits");
        let widths: Vec<usize> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{picture}");
        assert_eq!(widths.len(), widths[0].div_ceil(2), "{picture}");
        assert_eq!(qr_code(&"x".repeat(2000)), None);
    }
}
