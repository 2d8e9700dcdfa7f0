package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.util.Arrays;

/** Finds the normal pieces that a text goes on with, char by char. Node 0 is the root. */
final class PieceTrie {
    private final LongTable children;
    private final int[] pieces;

    PieceTrie(Vocabulary vocabulary) {
        int nodes = 1;
        for (int id = 0; id < vocabulary.size(); id++)
            nodes += vocabulary.piece(id).length();
        children = new LongTable(nodes);
        pieces = new int[nodes];
        Arrays.fill(pieces, -1);
        int free = 1;
        for (int id = 0; id < vocabulary.size(); id++) {
            if (vocabulary.kind(id) == Kind.NORMAL) free = enter(vocabulary.piece(id), id, free);
        }
    }

    private int enter(String piece, int id, int free) {
        int node = 0, next = free;
        for (int i = 0; i < piece.length(); i++) {
            int child = child(node, piece.charAt(i));
            if (child < 0) children.put(key(node, piece.charAt(i)), child = next++);
            node = child;
        }
        pieces[node] = id;
        return next;
    }

    private static long key(int node, char c) {
        return (long) node << 16 | c;
    }

    /** The node one char on, or -1. */
    int child(int node, char c) {
        return (int) children.find(key(node, c));
    }

    /** The piece that ends here, or -1. */
    int piece(int node) {
        return pieces[node];
    }
}
