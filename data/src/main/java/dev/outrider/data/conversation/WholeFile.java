package dev.outrider.data.conversation;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * A file's first object, which may be all of it: COCO's captions or ScienceQA's problems. It is told by its first members,
 * and its rows are taken as they are read; any other object is a row itself.
 */
final class WholeFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final JsonParser parser;
    private final ObjectNode row = JSON.createObjectNode();
    private final Map<Long, String> images = new HashMap<>();
    private final List<Caption> captions = new ArrayList<>();
    private boolean coco;

    /** @param line of the file */
    private record Caption(JsonNode id, long image, JsonNode text, int line) {}

    /** A row of the file, and its line. */
    record Row(JsonNode row, int line) {}

    private WholeFile(JsonParser parser) {
        this.parser = parser;
    }

    /** Takes rows from the file; what it throws is the parser's. */
    interface Rows {
        /** Null where there are no more. */
        Row next() throws IOException;
    }

    /** @param parser at the object's beginning; behind it when all rows have been taken */
    static Rows open(JsonParser parser) throws IOException {
        return new WholeFile(parser).rows();
    }

    private Rows rows() throws IOException {
        int line = line();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (value == JsonToken.START_ARRAY && (name.equals("images") || name.equals("annotations"))) {
                list(name);
            } else if (value == JsonToken.START_OBJECT && row.isEmpty() && !coco) {
                int at = line();
                JsonNode member = JSON.readTree(parser);
                if (member.has("question") && member.has("choices")) return new Problems(name, member, at);
                row.set(name, member);
            } else {
                row.set(name, JSON.readTree(parser));
            }
        }
        return coco ? captions()::next : one(new Row(row, line));
    }

    private int line() {
        return parser.currentTokenLocation().getLineNr();
    }

    private static Rows one(Row only) {
        Iterator<Row> rows = List.of(only).iterator();
        return () -> rows.hasNext() ? rows.next() : null;
    }

    // COCO's lists hold objects that others do not have: they are taken as they come, others become members.
    private void list(String name) throws IOException {
        ArrayNode others = JSON.createArrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            int at = line();
            JsonNode one = JSON.readTree(parser);
            if (name.equals("images") && one.has("file_name")) image(one);
            else if (name.equals("annotations") && one.has("image_id")) caption(one, at);
            else others.add(one);
        }
        if (!coco) row.set(name, others);
    }

    private void image(JsonNode one) {
        coco = true;
        images.put(one.path("id").asLong(-1), one.path("file_name").asText());
    }

    private void caption(JsonNode one, int at) {
        coco = true;
        captions.add(new Caption(one.path("id"), one.path("image_id").asLong(-1), one.path("caption"), at));
    }

    private Rows captions() {
        Iterator<Caption> left = captions.iterator();
        return () -> left.hasNext() ? row(left.next()) : null;
    }

    // An image that is not listed has no name: the reader of the row says so.
    private Row row(Caption caption) {
        ObjectNode out = JSON.createObjectNode();
        out.set("id", caption.id);
        out.put("image", images.get(caption.image));
        out.set("caption", caption.text);
        return new Row(out, caption.line);
    }

    /** Problems under their ids, read one after the other. */
    private final class Problems implements Rows {
        private String id;
        private JsonNode problem;
        private int at;

        Problems(String id, JsonNode problem, int at) {
            this.id = id;
            this.problem = problem;
            this.at = at;
        }

        @Override
        public Row next() throws IOException {
            if (problem == null) return null;
            JsonNode out = problem instanceof ObjectNode object ? object.put("id", id) : problem;
            Row row = new Row(out, at);
            advance();
            return row;
        }

        private void advance() throws IOException {
            problem = null;
            if (parser.nextToken() != JsonToken.FIELD_NAME) return;
            id = parser.currentName();
            parser.nextToken();
            at = line();
            problem = JSON.readTree(parser);
        }
    }
}
