package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with the white space treated as in Hugging Face transformers: trim_blocks (the
 * newline behind a block goes), lstrip_blocks (blanks before a block at a line's start go), the signs - and +
 * inside the delimiters, and one newline at the very end dropped.
 */
final class Lexer {
    private static final Pattern RAW =
            Pattern.compile("\\{%([-+]?)\\s*raw\\s*(?:-%}\\s*|%})", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern END_RAW =
            Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(?:\\+%}|-%}\\s*|%}\\n?)", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern NUMBER =
            Pattern.compile("\\d[\\d_]*(?:(\\.\\d[\\d_]*)?([eE][-+]?\\d+)|(\\.\\d[\\d_]*))?");
    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{Nd}\\p{Mn}\\p{Mc}_]*");
    private static final List<String> OPERATORS = List.of(
            "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean lineStart = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String text = template.replace("\r\n", "\n").replace('\r', '\n');
        if (text.endsWith("\n")) text = text.substring(0, text.length() - 1);
        Lexer lexer = new Lexer(text);
        while (lexer.at < text.length()) lexer.next();
        lexer.add(Kind.END, "");
        return lexer.tokens;
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, line));
    }

    private void next() {
        int begin = begin(at);
        String data = source.substring(at, begin);
        if (begin == source.length()) {
            data(data, begin);
            return;
        }
        char kind = source.charAt(begin + 1);
        char sign = begin + 2 < source.length() ? source.charAt(begin + 2) : ' ';
        data(before(data, kind, sign), begin);
        Matcher raw = RAW.matcher(source).region(begin, source.length());
        if (raw.lookingAt()) raw(raw);
        else if (kind == '#') comment(begin);
        else inside(begin, kind == '%', sign);
    }

    private int begin(int from) {
        for (int i = from; i + 1 < source.length(); i++) {
            if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) return i;
        }
        return source.length();
    }

    private String before(String data, char kind, char sign) {
        if (sign == '-') return Text.rightStrip(data, null);
        if (sign == '+' || kind == '{') return data;
        int start = data.lastIndexOf('\n') + 1;
        boolean blank = (start > 0 || lineStart)
                && Text.strip(data.substring(start), null).isEmpty();
        return blank ? data.substring(0, start) : data;
    }

    private void data(String text, int end) {
        if (!text.isEmpty()) add(Kind.DATA, text);
        moveTo(end);
    }

    private void moveTo(int end) {
        for (int i = at; i < end; i++) if (source.charAt(i) == '\n') line++;
        if (end > at) lineStart = source.charAt(end - 1) == '\n';
        at = end;
    }

    private void raw(Matcher begin) {
        Matcher end = END_RAW.matcher(source);
        if (!end.find(begin.end())) throw new TemplateException(line, "Missing end of raw directive");
        moveTo(begin.end());
        String data = source.substring(at, end.start());
        data(before(data, '%', end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0)), end.start());
        moveTo(end.end());
    }

    private void comment(int begin) {
        int end = source.indexOf("#}", begin + 2);
        if (end < 0) throw new TemplateException(line, "Missing end of comment tag");
        char sign = end > begin + 2 ? source.charAt(end - 1) : ' ';
        moveTo(behind(end + 2, sign, true));
    }

    private int behind(int end, char sign, boolean trims) {
        if (sign == '-') while (end < source.length() && Text.space(source.charAt(end))) end++;
        else if (trims && sign != '+' && end < source.length() && source.charAt(end) == '\n') end++;
        return end;
    }

    private void inside(int begin, boolean block, char sign) {
        moveTo(begin + 2);
        if (sign == '-' || sign == '+' && block) moveTo(at + 1);
        add(block ? Kind.BLOCK_BEGIN : Kind.PRINT_BEGIN, "");
        int open = 0;
        while (true) {
            while (at < source.length() && Text.space(source.charAt(at))) moveTo(at + 1);
            if (at >= source.length()) throw new TemplateException(line, "unexpected end of the template in a tag");
            if (open == 0 && end(block)) return;
            open += token();
        }
    }

    // The end of a tag, with its sign.
    private boolean end(boolean block) {
        char first = source.charAt(at);
        char sign = first == '-' || block && first == '+' ? first : ' ';
        int close = sign == ' ' ? at : at + 1;
        if (!source.startsWith(block ? "%}" : "}}", close)) return false;
        add(block ? Kind.BLOCK_END : Kind.PRINT_END, "");
        moveTo(behind(close + 2, sign, block));
        return true;
    }

    /** One token of an expression; returns by how many brackets more are open behind it. */
    private int token() {
        char c = source.charAt(at);
        if (c == '\'' || c == '"') return string(c);
        if (match(NUMBER)) return 0;
        if (match(NAME)) return 0;
        for (String operator : OPERATORS) {
            if (!source.startsWith(operator, at)) continue;
            add(Kind.OPERATOR, operator);
            moveTo(at + operator.length());
            return "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
        }
        throw new TemplateException(line, "unexpected char '" + c + "'");
    }

    private boolean match(Pattern pattern) {
        Matcher m = pattern.matcher(source).region(at, source.length());
        if (!m.lookingAt()) return false;
        boolean fraction = pattern == NUMBER && (m.group(1) != null || m.group(2) != null || m.group(3) != null);
        add(pattern == NAME ? Kind.NAME : fraction ? Kind.FLOAT : Kind.INTEGER, m.group());
        moveTo(m.end());
        return true;
    }

    private int string(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) end += source.charAt(end) == '\\' ? 2 : 1;
        if (end >= source.length()) throw new TemplateException(line, "a string without its end");
        add(Kind.STRING, unescaped(source.substring(at + 1, end)));
        moveTo(end + 1);
        return 0;
    }

    private String unescaped(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\') i = escape(text, i + 1, out);
            else out.append(c);
        }
        return out.toString();
    }

    private int escape(String text, int i, StringBuilder out) {
        char c = text.charAt(i);
        int simple = "abfnrtv\\'\"".indexOf(c);
        if (simple >= 0) out.append("\u0007\b\f\n\r\t\u000b\\'\"".charAt(simple));
        else if (c == 'x') return code(text, i, 2, 16, out);
        else if (c == 'u') return code(text, i, 4, 16, out);
        else if (c == 'U') return code(text, i, 8, 16, out);
        else if (c >= '0' && c <= '7') return octal(text, i, out);
        else if (c != '\n') out.append('\\').append(c);
        return i;
    }

    private int code(String text, int i, int digits, int radix, StringBuilder out) {
        try {
            out.appendCodePoint(Integer.parseInt(text.substring(i + 1, i + 1 + digits), radix));
            return i + digits;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new TemplateException(line, "a truncated \\" + text.charAt(i) + " escape");
        }
    }

    private static int octal(String text, int i, StringBuilder out) {
        int end = i;
        while (end < text.length() && end < i + 3 && text.charAt(end) >= '0' && text.charAt(end) <= '7') end++;
        out.appendCodePoint(Integer.parseInt(text.substring(i, end), 8));
        return end - 1;
    }
}
