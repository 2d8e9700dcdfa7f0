package dev.outrider.data.answers;

import java.nio.file.Path;

/**
 * What a generation came to, over all parts, whoever wrote them.
 *
 * @param asked prompts times temperatures and samples; the sum of success, errors and skipped
 * @param found of them answered by earlier runs
 * @param tokens of all answers
 * @param seconds of this run
 * @param towerRuns how often this run's processes let the tower see a picture: once for each that one of them was asked about,
 *     never where features lie in a store
 */
public record AnswerReport(
        Path output,
        long asked,
        long success,
        long errors,
        long skipped,
        long found,
        long tokens,
        double seconds,
        long towerRuns) {}
