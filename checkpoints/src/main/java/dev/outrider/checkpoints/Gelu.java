package dev.outrider.checkpoints;

import java.util.Optional;

/** The activation between two matrices of a CLIP tower or a projector. */
public enum Gelu {
    /** x · Φ(x), with erf. */
    EXACT("gelu"),
    /** x · sigmoid(1.702 x), CLIP's. */
    QUICK("quick_gelu");

    /** As configurations name it. */
    public final String label;

    Gelu(String label) {
        this.label = label;
    }

    static Gelu read(Keys keys, String key, Gelu absent) {
        Optional<String> name = keys.text(key);
        if (name.isEmpty()) return absent;
        for (Gelu gelu : values()) if (gelu.label.equals(name.get())) return gelu;
        throw keys.wrong(
                key, "gelu or quick_gelu", "Use a model with one of these; another would give wrong features.");
    }
}
