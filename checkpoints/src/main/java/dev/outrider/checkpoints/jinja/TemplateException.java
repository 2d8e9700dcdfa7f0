package dev.outrider.checkpoints.jinja;

/** A template that does not parse, or that failed or refused its input while rendering; with the line in it. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int line;

    TemplateException(int line, String message) {
        super(message);
        this.line = line;
    }

    /** Of the template, from 1; 0 where it is not known. */
    public int line() {
        return line;
    }

    /** The same, at this line, where none was known. */
    TemplateException at(int place) {
        return line > 0 ? this : new TemplateException(place, getMessage());
    }

    static TemplateException of(String message) {
        return new TemplateException(0, message);
    }
}
