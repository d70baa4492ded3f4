export const DuplicatesPage = () => null;
