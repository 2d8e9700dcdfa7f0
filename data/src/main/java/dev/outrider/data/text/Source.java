package dev.outrider.data.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.Failure;
import dev.outrider.data.SparkFailures;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;

/**
 * Where raw text comes from. Paths are files, folders (read with all below them) or globs, on any file system
 * that Spark knows.
 */
public sealed interface Source extends Serializable {
    List<String> paths();

    /** The raw documents, in no particular order. */
    JavaRDD<String> read(SparkSession spark);

    /** What one document of a text file is. */
    enum Unit {
        FILE,
        /** Lines up to a blank one. */
        BLOCK,
        LINE
    }

    /** Plain text, UTF-8. */
    record Text(List<String> paths, Unit unit) implements Source {
        private static final Pattern BLANK_LINES = Pattern.compile("\\R[ \\t]*\\R");

        public Text {
            paths = checked(paths);
        }

        @Override
        public JavaRDD<String> read(SparkSession spark) {
            DataFrameReader reader = reader(spark);
            return switch (unit) {
                case FILE -> values(reader.option("wholetext", true)).javaRDD();
                case LINE -> values(reader).javaRDD();
                // Coarse pieces first, so that one large file is read in parallel.
                case BLOCK -> values(reader.option("lineSep", "\n\n")).javaRDD().flatMap(Text::blocks);
            };
        }

        private static Iterator<String> blocks(String piece) {
            return Stream.of(BLANK_LINES.split(piece)).filter(b -> !b.isBlank()).iterator();
        }

        private Dataset<String> values(DataFrameReader reader) {
            return SparkFailures.reading(paths, () -> reader.textFile(paths.toArray(String[]::new)));
        }
    }

    /** A JSON object a line; the text is a string field of it. */
    record Jsonl(List<String> paths, String field) implements Source {
        private static final JsonMapper JSON = new JsonMapper();

        public Jsonl {
            paths = checked(paths);
        }

        @Override
        public JavaRDD<String> read(SparkSession spark) {
            Dataset<Row> lines =
                    SparkFailures.reading(paths, () -> reader(spark).text(paths.toArray(String[]::new)));
            return lines.select(functions.col("value"), functions.input_file_name())
                    .javaRDD()
                    .filter(row -> !row.getString(0).isBlank())
                    .map(row -> text(row.getString(0), row.getString(1), field));
        }

        private static String text(String line, String file, String field) {
            try {
                JsonNode value = JSON.readTree(line).path(field);
                if (value.isTextual()) return value.textValue();
                throw bad(line, file, value.isMissingNode() ? "no field " + field : field + " is no string", field);
            } catch (JsonProcessingException e) {
                throw bad(line, file, "no JSON (" + e.getOriginalMessage() + ")", field);
            }
        }

        private static Failure bad(String line, String file, String found, String field) {
            return Failure.data(
                    file + ", line that begins " + line.substring(0, Math.min(60, line.length())),
                    found,
                    "an object with a string field " + field,
                    "Correct the line, or name the field that holds the text.");
        }
    }

    /** A column of strings; nulls count as empty. */
    record Parquet(List<String> paths, String column) implements Source {
        public Parquet {
            paths = checked(paths);
        }

        @Override
        public JavaRDD<String> read(SparkSession spark) {
            Dataset<Row> table =
                    SparkFailures.reading(paths, () -> reader(spark).parquet(paths.toArray(String[]::new)));
            boolean strings = Arrays.stream(table.schema().fields())
                    .anyMatch(f -> f.name().equals(column) && f.dataType().equals(DataTypes.StringType));
            if (!strings) {
                throw Failure.data(
                        String.join(", ", paths),
                        "no column of strings named " + column,
                        "one of " + table.schema().simpleString(),
                        "Name the column that holds the text.");
            }
            return table.select(functions.col("`" + column + "`"))
                    .javaRDD()
                    .map(row -> row.isNullAt(0) ? "" : row.getString(0));
        }
    }

    private static List<String> checked(List<String> paths) {
        if (paths.isEmpty()) {
            throw Failure.usage("input", "no paths", "files or folders with text", "Name at least one.");
        }
        return List.copyOf(paths);
    }

    private static DataFrameReader reader(SparkSession spark) {
        return spark.read().option("recursiveFileLookup", true);
    }
}
