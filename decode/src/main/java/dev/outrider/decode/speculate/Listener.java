package dev.outrider.decode.speculate;

/** Hears a generation while it is made. */
public interface Listener {
    /** Hears nothing. */
    Listener NONE = (id, drafted) -> {};

    /** A token is final: the draft's guess that the target accepted, or the target's own. */
    void token(int id, boolean drafted);

    /**
     * Text is final: whole characters, and nothing that could still turn out to be part of a stop string.
     * Only heard when {@link Limits#tokenizer} is there.
     */
    default void text(String text, boolean drafted) {}
}
