/** Index maps on the way from a loop down to the memory it reads. */
import { type Application, type Shape, sizeOf, stridesOf, type View } from '../graph/index.ts';

/** A row-major view of a whole buffer. */
export function contiguous(shape: Shape): View {
  return { shape, strides: stridesOf(shape), offset: 0 };
}

/** Whether a view walks its buffer in order, without gaps. */
export function isContiguous({ shape, strides, offset }: View): boolean {
  if (offset !== 0) return false;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return sizeOf(shape) === 0;
    expected *= shape[axis];
  }
  return true;
}

/** The view of an operand that an elementwise operation of shape `to` stretches. */
export function stretch(view: View, to: Shape): View {
  const lead = to.length - view.shape.length;
  const strides = to.map((_, axis) =>
    axis < lead || view.shape[axis - lead] === 1 ? 0 : view.strides[axis - lead],
  );
  return { shape: to, strides, offset: view.offset };
}

/** The view of `application`'s output, given one of its input; undefined where it takes a copy first. */
export function throughView(application: Application, input: View): View | undefined {
  const { operation, outputs, attributes } = application;
  const { computation } = operation;
  if (computation.kind !== 'view') return undefined;
  return computation.view(input, outputs[0].shape, attributes);
}

/** Whether a view shows all elements of contiguous memory in their order. */
export function keepsOrder(application: Application): boolean {
  const [input] = application.inputs;
  if (sizeOf(input.shape) !== sizeOf(application.outputs[0].shape)) return false;
  const view = throughView(application, contiguous(input.shape));
  return view !== undefined && isContiguous(view);
}
