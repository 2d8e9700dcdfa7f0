package dev.outrider.data.conversation;

import java.io.Serializable;

/** What a row of a file of conversations holds. */
public sealed interface Example extends Serializable permits Conversation, TokenRow {
    /** The row's own id; empty where it has none. */
    String id();

    /** File and line. */
    String place();
}
