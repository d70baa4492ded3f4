/** The calls about rules for mail, and about e-mail accounts. */

import type { EmailAccountPatch, MailPolicyPatch, NewEmailAccount, NewMailRule } from "./generated/api";
import * as api from "./generated/api";

type Stop = AbortSignal | undefined;

export const mailRulesApi = {
  list: (w: string, signal?: Stop) => api.listMailRules(w, undefined, { signal }),
  add: (w: string, rule: NewMailRule) => api.addMailRule(w, rule),
  drop: (w: string, id: string) => api.dropMailRule(w, id),
  policy: (w: string, signal?: Stop) => api.getMailPolicy(w, { signal }),
  change: (w: string, change: MailPolicyPatch) => api.changeMailPolicy(w, change),
};

export const emailAccountsApi = {
  list: (w: string, signal?: Stop) => api.listEmailAccounts(w, { signal }),
  add: (w: string, account: NewEmailAccount) => api.addEmailAccount(w, account),
  change: (w: string, id: string, change: EmailAccountPatch) => api.changeEmailAccount(w, id, change),
  remove: (w: string, id: string, deleteData: boolean) => api.removeEmailAccount(w, id, { delete_data: deleteData }),
  test: (w: string, id: string) => api.testEmailAccount(w, id),
  testNew: (w: string, account: NewEmailAccount) => api.testNewEmailAccount(w, account),
  sync: (w: string, id: string) => api.syncEmailAccount(w, id),
  folders: (w: string, id: string, signal?: Stop) => api.listEmailFolders(w, id, { signal }),
};
