package dev.outrider.data.text;

import dev.outrider.data.SplitWriter;
import dev.outrider.data.shard.ShardRow;
import java.util.Arrays;
import java.util.Iterator;

/**
 * How tokenised documents become rows of T tokens. A row that continues another begins with that one's last
 * token, so that every token but the first of a document is predicted in exactly one place. The first token
 * of a row and BOS are context, never supervised.
 */
public enum Packing {
    /** A row holds tokens of one document only; the last one of each is padded. */
    SEPARATE,
    /** The documents of a shard one after the other; only its last row is padded. */
    JOINED;

    /** A document's ids with BOS and EOS around them; at least one. */
    public record Document(String id, int[] tokens) implements java.io.Serializable {}

    /** Rows that a text of so many tokens takes. */
    static long rowCount(long tokens, int length) {
        return Math.max(0, (tokens - 1 + length - 2) / (length - 1));
    }

    SplitWriter.Rows<Document> rows(int length, int bos) {
        return switch (this) {
            case SEPARATE -> documents -> new Separate(documents, length, bos);
            case JOINED -> documents -> new Joined(documents, length, bos);
        };
    }

    private static ShardRow row(int[] tokens, int bos, String document, int begins) {
        byte[] mask = new byte[tokens.length];
        for (int i = 1; i < mask.length; i++) mask[i] = (byte) (tokens[i] == bos ? 0 : 1);
        return new ShardRow(tokens, mask, document, begins);
    }

    private static final class Separate implements Iterator<ShardRow> {
        private final Iterator<Document> documents;
        private final int length, bos;
        private Document document = new Document("", new int[0]);
        private int at;

        Separate(Iterator<Document> documents, int length, int bos) {
            this.documents = documents;
            this.length = length;
            this.bos = bos;
        }

        @Override
        public boolean hasNext() {
            while (at >= document.tokens.length - 1 && documents.hasNext()) {
                document = documents.next();
                at = 0;
            }
            return at < document.tokens.length - 1;
        }

        @Override
        public ShardRow next() {
            if (!hasNext()) throw new java.util.NoSuchElementException();
            int end = Math.min(document.tokens.length, at + length);
            ShardRow row = row(Arrays.copyOfRange(document.tokens, at, end), bos, document.id, at == 0 ? 1 : 0);
            at = end - 1;
            return row;
        }
    }

    private static final class Joined implements Iterator<ShardRow> {
        private final Iterator<Document> documents;
        private final int length, bos;
        private Document document = new Document("", new int[0]);
        private int at;
        // The last row, whose last token opens the next one.
        private int[] row = new int[0];

        Joined(Iterator<Document> documents, int length, int bos) {
            this.documents = documents;
            this.length = length;
            this.bos = bos;
        }

        @Override
        public boolean hasNext() {
            return at < document.tokens.length || documents.hasNext();
        }

        @Override
        public ShardRow next() {
            int[] tokens = new int[length];
            int count = 0, begins = 0;
            if (row.length > 0) tokens[count++] = row[row.length - 1];
            String id = document.id;
            while (count < length && hasNext()) {
                begins += advance();
                if (count == 0) id = document.id;
                tokens[count++] = document.tokens[at++];
            }
            row = Arrays.copyOf(tokens, count);
            return Packing.row(row, bos, id, begins);
        }

        // To the next document where this one is used up; 1 if its first token comes next.
        private int advance() {
            if (at == document.tokens.length) {
                document = documents.next();
                at = 0;
            }
            return at == 0 ? 1 : 0;
        }
    }
}
