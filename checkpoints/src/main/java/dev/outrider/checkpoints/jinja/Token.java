package dev.outrider.checkpoints.jinja;

/**
 * A piece of a template.
 *
 * @param text of an operator or name, of data as printed, of a string with its escapes resolved
 */
record Token(Kind kind, String text, int line) {
    enum Kind {
        DATA,
        PRINT_BEGIN,
        PRINT_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind other) {
        return kind == other;
    }

    boolean name(String word) {
        return kind == Kind.NAME && text.equals(word);
    }

    boolean operator(String sign) {
        return kind == Kind.OPERATOR && text.equals(sign);
    }

    /** For messages. */
    String described() {
        return switch (kind) {
            case END -> "the end of the template";
            case PRINT_END -> "'}}'";
            case BLOCK_END -> "'%}'";
            default -> "'" + text + "'";
        };
    }
}
