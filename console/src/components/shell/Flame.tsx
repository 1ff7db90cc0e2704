/** The mark: a beacon fire on its tower. */
export function Flame({ size }: { readonly size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <path d="M6.500 28.500h19L22.300 22H9.700z" fill="currentColor" opacity="0.35" />
      <path
        d="M16 2.500c1 4.200 6.600 6.400 6.600 12A6.600 6.600 0 0 1 16 21a6.600 6.600 0 0 1-6.600-6.500c0-2.600 1.400-4.300 2.600-5.600.3 1.700 1 2.600 2.100 3 .2-3.200.2-6 1.900-9.400z"
        fill="#f07426"
      />
      <path
        d="M16 12.500c.5 1.800 2.700 2.700 2.700 4.900A2.700 2.700 0 0 1 16 20a2.700 2.700 0 0 1-2.700-2.600c0-1.900 1.500-2.300 2.700-4.900z"
        fill="#ffd9a8"
      />
    </svg>
  )
}
