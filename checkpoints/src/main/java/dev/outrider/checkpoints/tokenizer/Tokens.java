package dev.outrider.checkpoints.tokenizer;

/** Collects ids and, where asked for, the characters of the given text that each covers. For one thread. */
final class Tokens {
    private final Ids ids = new Ids();
    private final Ids starts;
    private final Ids ends;
    private Stretch stretch;

    Tokens(boolean spans) {
        starts = spans ? new Ids() : null;
        ends = spans ? new Ids() : null;
    }

    /** What follows is in characters of this stretch. */
    void enter(Stretch next) {
        stretch = next;
    }

    boolean spans() {
        return starts != null;
    }

    /** An id that covers [from, to) of the stretch, which is not empty. */
    void add(int id, int from, int to) {
        ids.add(id);
        if (starts == null) return;
        starts.add(stretch.start(from));
        ends.add(stretch.end(to - 1));
    }

    /** Ids whose characters nobody asks for. */
    void addAll(int[] more) {
        for (int id : more) ids.add(id);
    }

    int size() {
        return ids.size();
    }

    int[] since(int from) {
        return ids.since(from);
    }

    int[] toArray() {
        return ids.toArray();
    }

    Encoding encoding() {
        return new Encoding(ids.toArray(), starts.toArray(), ends.toArray());
    }
}
