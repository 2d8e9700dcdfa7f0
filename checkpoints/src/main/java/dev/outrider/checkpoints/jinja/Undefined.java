package dev.outrider.checkpoints.jinja;

/** What a name, key or attribute that is not there stands for: nothing in text, an error where it is used. */
record Undefined(String message) {
    TemplateException error() {
        return TemplateException.of(message);
    }
}
