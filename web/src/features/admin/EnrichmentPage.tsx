export const EnrichmentPage = () => null;
