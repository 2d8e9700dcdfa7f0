package dev.outrider.data.conversation;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names that came together, in one list or by way of others: sets that are joined (union-find). */
final class Together {
    private final Map<String, String> first = new HashMap<>();

    private Together() {}

    /** Under each name the first, in their order, of all that belong together with it. */
    static Map<String, String> first(List<List<String>> lists) {
        Together together = new Together();
        for (List<String> list : lists) for (String name : list) together.join(list.getFirst(), name);
        together.first.replaceAll((name, _) -> together.of(name));
        return together.first;
    }

    private void join(String a, String b) {
        String one = of(a), other = of(b);
        boolean before = one.compareTo(other) <= 0;
        first.put(before ? other : one, before ? one : other);
    }

    // Paths are halved as they are walked.
    private String of(String name) {
        String at = name, next = first.getOrDefault(at, at);
        while (!next.equals(at)) {
            first.put(at, first.getOrDefault(next, next));
            at = next;
            next = first.getOrDefault(at, at);
        }
        return at;
    }
}
