package dev.outrider.checkpoints.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's way to write bytes as visible characters: those of Latin-1 that print stand for themselves, the
 * others are U+0100 and on, in order.
 */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[0x144];

    static {
        Arrays.fill(BYTES, (short) -1);
        char spare = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean prints = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
            CHARS[b] = prints ? (char) b : spare++;
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    static char letter(int value) {
        return CHARS[value & 0xff];
    }

    /** The bytes that a piece spells; where it holds another character, the bytes of its text. */
    static byte[] bytes(String piece) {
        byte[] bytes = new byte[piece.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = piece.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) return piece.getBytes(StandardCharsets.UTF_8);
            bytes[i] = (byte) BYTES[c];
        }
        return bytes;
    }

    /** How the bytes of text[from, to) are spelled. */
    static String spell(String text, int from, int to) {
        StringBuilder out = new StringBuilder();
        for (byte b : Utf8.bytes(text.substring(from, to))) out.append(letter(b));
        return out.toString();
    }
}
