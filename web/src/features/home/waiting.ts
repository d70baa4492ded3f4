import type { EmailListItem } from "@/lib/types";

const machines =
  /(^|[._+-])(no-?reply|do-?not-?reply|mailer-daemon|postmaster|notifications?|newsletter|news|bounces?)([._+-]|@)/i;
const bulk = /^CATEGORY_(PROMOTIONS|SOCIAL|UPDATES|FORUMS)$/;
const automatic =
  /^(automatic reply|auto(matic)?[- ]?reply|out of office|abwesend|accepted:|declined:|tentative:|invitation:|updated invitation:|canceled event:|delivery status)/i;

/**
 * Of conversations, each given by its newest message, those in which a person wrote to the reader last, the reader has
 * read it, and nobody answered. The oldest of them waits longest, but what is newest matters most: newest first.
 */
export const waitingForReply = (newest: EmailListItem[], mine: Set<string>): EmailListItem[] =>
  newest.filter(
    (e) =>
      e.is_read &&
      e.labels.includes("INBOX") &&
      !mine.has(e.from_email.toLowerCase()) &&
      e.to_emails.some((to) => mine.has(to.toLowerCase())) &&
      !e.labels.some((l) => bulk.test(l)) &&
      !machines.test(e.from_email) &&
      !automatic.test(e.subject.replace(/^(re|fwd?|aw|sv|r):\s*/i, "")),
  );
