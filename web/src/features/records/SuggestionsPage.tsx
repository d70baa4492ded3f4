export const SuggestionsPage = () => null;
