package dev.outrider.data.conversation;

/**
 * A row that others tokenised.
 *
 * @param ids [n]
 * @param mask [n], 1 where a token is supervised
 */
public record TokenRow(String id, int[] ids, byte[] mask, String place) implements Example {}
