package dev.outrider.checkpoints.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** What {@code namespace()} makes: its members can be set from inside a loop. */
record Namespace(Map<String, Object> members) {
    Namespace() {
        this(new LinkedHashMap<>());
    }
}
