/** What a reader sees of a colleague's mail, in words. */
import type { EmailListItem } from "@/lib/types";

export const whatIsHidden = ({ access }: Pick<EmailListItem, "access">) => ({
  subject: access === "metadata",
  text: access !== "full",
});

/** Above a message of which not everything is shared: what is visible, and whom to ask. */
export function whyHidden({ access, owner }: Pick<EmailListItem, "access" | "owner">): string | undefined {
  if (access === "full") return undefined;
  const name = owner.name || "The owner";
  const seen = access === "subject" ? "the subject, and who wrote and when" : "only who wrote, to whom and when";
  return `This is in ${possessive(name)} mailbox. You see ${seen}. To read it, ask ${name} to share the conversation with you.`;
}

export const possessive = (name: string) => (/s$/i.test(name) ? `${name}’` : `${name}’s`);
