package dev.outrider.checkpoints.tokenizer;

import java.nio.charset.StandardCharsets;

/** Text and its bytes, with U+FFFD where others put it too. */
final class Utf8 {
    private Utf8() {}

    /** The bytes; U+FFFD for surrogates without a partner, where Java itself writes a question mark. */
    static byte[] bytes(String text) {
        for (int at = 0, c; at < text.length(); at += Character.charCount(c)) {
            c = text.codePointAt(at);
            if (unpaired(c)) return wellFormed(text).getBytes(StandardCharsets.UTF_8);
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static boolean unpaired(int c) {
        return c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
    }

    private static String wellFormed(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints().forEach(c -> out.appendCodePoint(unpaired(c) ? 0xFFFD : c));
        return out.toString();
    }

    /**
     * The text, with one U+FFFD for each longest beginning of a character that is not continued ("maximal
     * subpart", Unicode 3.9): as Rust and Python have it. Java differs for bytes that would be surrogates.
     */
    static String lossy(byte[] bytes) {
        int length = bytes.length;
        StringBuilder out = new StringBuilder(length);
        for (int at = 0; at < length; ) {
            int size = size(bytes[at] & 0xff), got = 1;
            while (got < size && at + got < length && continues(bytes, at, got)) got++;
            if (got == size) out.append(new String(bytes, at, size, StandardCharsets.UTF_8));
            else out.append('\uFFFD');
            at += got;
        }
        return out.toString();
    }

    // Bytes of the character that this byte begins; 0 if it begins none.
    private static int size(int lead) {
        if (lead < 0x80) return 1;
        if (lead < 0xc2 || lead > 0xf4) return 0;
        return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }

    // The second byte decides about overlong forms, surrogates and what lies beyond U+10FFFF.
    private static boolean continues(byte[] bytes, int at, int index) {
        int lead = bytes[at] & 0xff, b = bytes[at + index] & 0xff;
        int low = 0x80, high = 0xbf;
        if (index == 1 && lead == 0xe0) low = 0xa0;
        if (index == 1 && lead == 0xed) high = 0x9f;
        if (index == 1 && lead == 0xf0) low = 0x90;
        if (index == 1 && lead == 0xf4) high = 0x8f;
        return b >= low && b <= high;
    }
}
