import { type FeatureTool, text, tool } from './feature.ts'
import { RED_PIXEL, SILENCE } from './media.ts'

const image = { type: 'image', data: RED_PIXEL, mimeType: 'image/png' }

/** Tools that answer at once, one for each kind of content. */
export const CONTENT_TOOLS: readonly FeatureTool[] = [
  tool('test_simple_text', 'Answers with a text.', () => text('This is a simple text response for testing.')),
  // The first of all by its name: the official suite calls the first tool of a list, in whatever order that is.
  tool('about', 'Says what this is.', () => text('A server for tests.')),
  tool('test_image_content', 'Answers with a picture.', () => ({ content: [image] })),
  tool('test_audio_content', 'Answers with a sound.', () => ({
    content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }],
  })),
  tool('test_embedded_resource', 'Answers with a resource inside.', () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  })),
  tool('test_multiple_content_types', 'Answers with a text, a picture and a resource.', () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  })),
  tool('test_error_handling', 'Always fails.', () => ({
    isError: true,
    ...text('This tool intentionally returns an error for testing'),
  })),
  tool(
    'echo',
    'Answers with the message.',
    ({ message }) => text(String(message)),
    { message: { type: 'string' } },
    ['message'],
  ),
  tool(
    'greet',
    'Greets somebody.',
    ({ name }) => text(`Hello, ${String(name)}!`),
    { name: { type: 'string' } },
    ['name'],
  ),
  {
    definition: {
      name: 'structured',
      description: 'Answers with structured content.',
      inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      outputSchema: {
        type: 'object',
        properties: { city: { type: 'string' }, degrees: { type: 'number' } },
        required: ['city', 'degrees'],
      },
    },
    call: ({ city }) => {
      const structuredContent = { city, degrees: 21.5 }
      return { ...text(JSON.stringify(structuredContent)), structuredContent }
    },
  },
  {
    era: 'modern',
    definition: {
      name: 'structured_list',
      description: 'Answers with structured content that is no object.',
      inputSchema: { type: 'object' },
      outputSchema: { type: 'array', items: { type: 'integer' } },
    },
    call: () => ({ ...text('[1,2,3]'), structuredContent: [1, 2, 3] }),
  },
  {
    definition: {
      name: 'json_schema_2020_12_tool',
      description: 'Has a schema with everything that JSON Schema 2020-12 offers.',
      inputSchema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: {
          name: { type: 'string' },
          address: { $ref: '#/$defs/address' },
          contactMethod: { type: 'string', enum: ['phone', 'email'] },
          phone: { type: 'string' },
          email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
      },
    },
    call: (input) => text(JSON.stringify(input)),
  },
  {
    definition: {
      name: 'test_custom_header',
      description: 'Wants its region also as a header.',
      inputSchema: {
        type: 'object',
        properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
      },
    },
    call: ({ region }) => text(`region ${String(region)}`),
  },
  {
    definition: {
      name: 'vendor_fields',
      title: 'Vendor fields',
      description: 'Carries members that no schema knows, in its definition and in its result.',
      inputSchema: { type: 'object', 'x-vendor': { deep: [1, 2.5, null] } },
      annotations: { readOnlyHint: true, 'x-vendor-hint': 'kept' },
      'x-vendor': { kept: true },
      _meta: { 'com.example/definition': 'kept' },
    },
    call: () => ({
      content: [{ type: 'text', text: 'vendor', 'x-vendor': 'kept', _meta: { 'com.example/block': 1 } }],
      'x-vendor': { kept: true, big: 12_345_678_901_234_567_890n.toString() },
      _meta: { 'com.example/result': ['kept'] },
    }),
  },
  tool('unknown_content', 'Answers with a type of content that does not exist yet.', () => ({
    content: [
      { type: 'text', text: 'before' },
      { type: 'com.example/hologram', frames: [1, 2, 3], nested: { kept: true } },
    ],
  })),
]
