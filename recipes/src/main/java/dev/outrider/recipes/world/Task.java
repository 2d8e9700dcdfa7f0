package dev.outrider.recipes.world;

/** What is asked of the model. */
public enum Task {
    /** A scene as a list of facts; the answer is a caption of several sentences. */
    DESCRIBE,
    /** A scene and a question; the answer is a word and a sentence. */
    QUESTION,
    /** Facts and a question; the answer is numbered steps and a conclusion. */
    REASON
}
