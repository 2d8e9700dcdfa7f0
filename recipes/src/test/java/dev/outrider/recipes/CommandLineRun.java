package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** What a user sees of a command: exit code and both streams. */
record CommandLineRun(int code, String out, String err) {
    static CommandLineRun of(String... args) {
        return typing("", args);
    }

    /** With lines typed into it. */
    static CommandLineRun typing(String input, String... args) {
        PrintStream out = System.out;
        InputStream in = System.in;
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        StringWriter err = new StringWriter();
        try {
            System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
            System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
            CommandLine line = Outrider.command();
            line.setErr(new PrintWriter(err, true));
            line.setOut(new PrintWriter(captured, true, StandardCharsets.UTF_8));
            int code = line.execute(args);
            return new CommandLineRun(code, captured.toString(StandardCharsets.UTF_8), err.toString());
        } finally {
            System.setOut(out);
            System.setIn(in);
        }
    }

    /** One message and no more, which says all this. */
    CommandLineRun failsWith(int expected, String... parts) {
        assertThat(err).as("out: " + out).startsWith("outrider").contains(parts);
        assertThat(err).doesNotContain("\tat ", "Exception", "a bug");
        assertThat(err.split("outrider: ", -1)).as(err).hasSizeLessThanOrEqualTo(2);
        assertThat(code).as(err).isEqualTo(expected);
        return this;
    }

    CommandLineRun succeeds() {
        assertThat(code).as(err + out).isZero();
        return this;
    }
}
