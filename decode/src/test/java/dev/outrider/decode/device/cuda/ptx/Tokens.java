package dev.outrider.decode.device.cuda.ptx;

import java.util.ArrayList;
import java.util.List;

/** PTX text as tokens with their lines: words (names, opcodes, directives, numbers), strings, and single signs. */
final class Tokens {
    record Token(String text, int line) {}

    private final List<Token> tokens = new ArrayList<>();
    private int at;

    Tokens(String text) {
        String[] lines = text.split("\n", -1);
        boolean comment = false;
        for (int i = 0; i < lines.length; i++) comment = line(lines[i], i + 1, comment);
        tokens.add(new Token("", lines.length));
    }

    private boolean line(String text, int line, boolean comment) {
        int i = 0;
        while (i < text.length()) {
            if (comment) {
                int end = text.indexOf("*/", i);
                if (end < 0) return true;
                i = end + 2;
                comment = false;
                continue;
            }
            char c = text.charAt(i);
            if (c <= ' ' || c == '\0') {
                i++;
            } else if (text.startsWith("//", i)) {
                return false;
            } else if (text.startsWith("/*", i)) {
                comment = true;
                i += 2;
            } else if (text.startsWith(".loc\t", i) || text.startsWith(".loc ", i) || text.startsWith(".file", i)) {
                return false; // where the source was: a line of its own, without a semicolon
            } else if (c == '"') {
                int end = text.indexOf('"', i + 1);
                if (end < 0) throw new PtxFault("PTX line " + line + ": a string without an end");
                tokens.add(new Token(text.substring(i, end + 1), line));
                i = end + 1;
            } else if (word(c)) {
                int end = i + 1;
                while (end < text.length() && (word(text.charAt(end)) || text.startsWith("::", end))) {
                    end += word(text.charAt(end)) ? 1 : 2;
                }
                tokens.add(new Token(text.substring(i, end), line));
                i = end;
            } else {
                tokens.add(new Token(String.valueOf(c), line));
                i++;
            }
        }
        return comment;
    }

    private static boolean word(char c) {
        return c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c == '_'
                || c == '$'
                || c == '%'
                || c == '.';
    }

    boolean ended() {
        return peek().isEmpty();
    }

    String peek() {
        return tokens.get(at).text;
    }

    String second() {
        return at + 1 < tokens.size() ? tokens.get(at + 1).text : "";
    }

    int line() {
        return tokens.get(at).line;
    }

    String next() {
        if (ended()) throw new PtxFault("PTX ends at line " + line() + ", in the middle of something");
        return tokens.get(at++).text;
    }

    boolean taken(String text) {
        if (!peek().equals(text)) return false;
        at++;
        return true;
    }

    void expect(String text) {
        int line = line();
        String found = next();
        if (!found.equals(text))
            throw new PtxFault("PTX line " + line + ": found '" + found + "', expected '" + text + "'");
    }

    int integer() {
        int line = line();
        String text = next();
        try {
            return Integer.decode(text);
        } catch (NumberFormatException e) {
            throw new PtxFault("PTX line " + line + ": found '" + text + "', expected a number", e);
        }
    }

    PtxFault fault(String message) {
        return new PtxFault("PTX line " + line() + ": " + message);
    }
}
